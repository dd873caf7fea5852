package ns

import (
	"errors"
	"strconv"
	"strings"

	"golang.org/x/sys/unix"

	"nsexec/internal/procfs"
)

// holders looks for what in a process keeps namespaces alive that have no member.
func (l *lister) holders(p *procfs.Process) {
	l.threads(p)
	l.files(p)
}

// threads looks for those that are elsewhere than their process: only net, uts, ipc, cgroup, mnt can be.
func (l *lister) threads(p *procfs.Process) {
	_ = p.Threads(func(thread *procfs.Process) { // fails when the process has gone
		for _, t := range (threadTypes | Mount).Types() {
			inode, err := thread.NS(t.Name())
			if err != nil {
				continue
			}
			row := l.rows[inode]
			if row == nil {
				fd, err := thread.OpenNS(t.Name())
				row = l.adopt(fd, t, err)
			}
			row.hold(Holder{PID: p.PID, FD: -1, TID: thread.PID})
		}
	})
}

// hold notes a holder, unless there are members, which would make it one of many.
func (n *Namespace) hold(h Holder) {
	if n != nil && n.Members == 0 {
		n.Holders = append(n.Holders, h)
	}
}

// files looks for open namespaces and sockets.
func (l *lister) files(p *procfs.Process) {
	pidfd := -1
	_ = p.Files(func(name, target string) { // fails without the right to ptrace, which is in Unreadable already
		fd, err := strconv.Atoi(name)
		if err != nil {
			return
		}
		if strings.HasPrefix(target, "socket:") {
			if pidfd < 0 {
				pidfd, _ = unix.PidfdOpen(p.PID, 0)
			}
			l.socket(p, pidfd, fd)
		} else {
			l.file(p, fd, target)
		}
	})
	if pidfd >= 0 {
		unix.Close(pidfd)
	}
}

func (l *lister) file(p *procfs.Process, fd int, target string) {
	kind, inode, err := procfs.ParseLink(target)
	t, parseErr := ParseType(kind)
	if err != nil || parseErr != nil {
		return // no namespace
	}
	row := l.rows[inode]
	if row == nil {
		own, err := p.OpenFile(fd)
		row = l.adopt(own, t, err)
	}
	row.hold(Holder{PID: p.PID, FD: fd})
}

// socket asks a duplicate of the socket for its network namespace.
func (l *lister) socket(p *procfs.Process, pidfd, fd int) {
	own, err := unix.PidfdGetfd(pidfd, fd, 0)
	if err != nil {
		return
	}
	defer unix.Close(own)
	net, err := unix.IoctlRetInt(own, unix.SIOCGSKNS)
	if errors.Is(err, unix.EPERM) {
		return // it belongs to a user namespace that is not below the caller's
	}
	l.adopt(net, Net, err).hold(Holder{PID: p.PID, FD: fd, Socket: true})
}
