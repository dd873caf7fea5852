package ns

import (
	"strings"

	"golang.org/x/sys/unix"

	"nsexec/internal/nsfs"
	"nsexec/internal/procfs"
	"nsexec/internal/raw"
)

// hold notes what keeps a namespace alive besides its members; result drops it if there are any.
func hold(row *draft, h Holder) {
	if row != nil && row.Members == 0 {
		row.Holders = append(row.Holders, h)
	}
}

// threads looks for those that are elsewhere than their process.
func (l *lister) threads(p *subject) {
	err := p.Threads(func(thread *procfs.Process) {
		for _, t := range (threadTypes | Mount).Types() { // no thread leaves the others
			inode, err := thread.NS(t.Name())
			if err != nil {
				continue
			}
			row := l.rowOf(link{t, inode}, func() (int, error) { return thread.OpenNS(t.Name()) })
			hold(row, Holder{PID: p.PID, FD: -1, TID: thread.PID})
		}
	})
	l.fail(err)
}

// files looks for open namespaces and sockets.
func (l *lister) files(p *subject) {
	err := p.Files(func(fd int, target string) {
		if strings.HasPrefix(target, "socket:") {
			l.socket(p, fd)
			return
		}
		if at := parseLink(target); at.t != 0 {
			row := l.rowOf(at, func() (int, error) { return openFile(p, fd, at.t) })
			hold(row, Holder{PID: p.PID, FD: fd})
		}
	})
	l.fail(err)
}

// parseLink returns what a link to a namespace says. The type is 0 for other links.
func parseLink(target string) link {
	for _, k := range kinds {
		if strings.HasPrefix(target, k.name) {
			if name, inode, err := procfs.ParseLink(target); err == nil && name == k.name {
				return link{k.t, inode}
			}
		}
	}
	return link{}
}

// openFile opens a namespace that p has open as fd, unless that is another file by now.
func openFile(p *subject, fd int, t Type) (int, error) {
	own, err := p.OpenFile(fd)
	if err != nil {
		return -1, err
	}
	if found, err := nsfs.Type(own); err != nil || Type(found) != t {
		unix.Close(own)
		return -1, unix.ENOENT
	}
	return own, nil
}

// socket asks a duplicate of the socket for its network namespace. EPERM: that belongs to a user namespace that is not
// below the caller's.
func (l *lister) socket(p *subject, fd int) {
	own, err := p.duplicate(fd)
	if err != nil {
		l.fail(err)
		return
	}
	defer unix.Close(own)
	net, err := unix.IoctlRetInt(own, unix.SIOCGSKNS)
	if err != nil {
		l.fail(err)
		return
	}
	hold(l.adoptType(net, Net), Holder{PID: p.PID, FD: fd, Socket: true})
}

// duplicate gets a file that p has open.
func (p *subject) duplicate(fd int) (own int, err error) {
	if p.pidfd == notOpen {
		if p.pidfd, err = raw.PidfdOpen(p.PID); err != nil {
			return notOpen, err
		}
	}
	return unix.PidfdGetfd(p.pidfd, fd, 0)
}
