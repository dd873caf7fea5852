package ns

import (
	"strings"

	"golang.org/x/sys/unix"

	"nsexec/internal/nsfs"
	"nsexec/internal/procfs"
)

// hold notes what keeps a namespace alive besides its members; result drops it if there are any.
func (l *lister) hold(row *Namespace, h Holder) {
	if row == nil {
		return
	}
	l.mu.Lock()
	defer l.mu.Unlock()
	if row.Members == 0 {
		row.Holders = append(row.Holders, h)
	}
}

// threads looks for those that are elsewhere than their process.
func (l *lister) threads(p *procfs.Process) {
	_ = p.Threads(func(thread *procfs.Process) { // fails when the process has gone
		for _, t := range (threadTypes | Mount).Types() { // no thread leaves the others
			inode, err := thread.NS(t.Name())
			if err != nil {
				continue
			}
			row := l.row(link{t, inode}, func() (int, error) { return thread.OpenNS(t.Name()) })
			l.hold(row, Holder{PID: p.PID, FD: -1, TID: thread.PID})
		}
	})
}

// files looks for open namespaces and sockets.
func (l *lister) files(p *procfs.Process) {
	pidfd := -1
	_ = p.Files(func(fd int, target string) { // fails when the process has gone
		if strings.HasPrefix(target, "socket:") {
			if pidfd < 0 {
				pidfd, _ = unix.PidfdOpen(p.PID, 0)
			}
			l.socket(p, pidfd, fd)
			return
		}
		if at := parseLink(target); at.t != 0 {
			row := l.row(at, func() (int, error) { return openFile(p, fd, at.t) })
			l.hold(row, Holder{PID: p.PID, FD: fd})
		}
	})
	if pidfd >= 0 {
		unix.Close(pidfd)
	}
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
func openFile(p *procfs.Process, fd int, t Type) (int, error) {
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
func (l *lister) socket(p *procfs.Process, pidfd, fd int) {
	own, err := unix.PidfdGetfd(pidfd, fd, 0)
	if err != nil {
		return
	}
	defer unix.Close(own)
	net, err := unix.IoctlRetInt(own, unix.SIOCGSKNS)
	if err != nil {
		return
	}
	l.hold(l.adoptType(net, Net), Holder{PID: p.PID, FD: fd, Socket: true})
}
