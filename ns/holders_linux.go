package ns

import (
	"strings"

	"golang.org/x/sys/unix"

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
			row := l.row(inode, t, func() (int, error) { return thread.OpenNS(t.Name()) })
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
		name, inode, err := procfs.ParseLink(target)
		t, notNS := ParseType(name)
		if err == nil && notNS == nil {
			row := l.row(inode, t, func() (int, error) { return p.OpenFile(fd) })
			l.hold(row, Holder{PID: p.PID, FD: fd})
		}
	})
	if pidfd >= 0 {
		unix.Close(pidfd)
	}
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
	l.hold(l.adopt(net), Holder{PID: p.PID, FD: fd, Socket: true})
}
