package ns

import (
	"errors"

	"golang.org/x/sys/unix"

	"nsexec/internal/procfs"
)

// process reads all that one process has to do with namespaces.
func (l *lister) process(pid int) {
	p, err := procfs.OpenProcess(pid)
	if errors.Is(err, unix.EACCES) {
		l.unreadable(pid)
	}
	if err != nil {
		return // gone
	}
	defer p.Close()
	lowest, err := l.member(p)
	if errors.Is(err, unix.EACCES) {
		l.unreadable(pid)
		return
	}
	uid, threads := p.Task()
	l.standsFor(p, uid, lowest)
	if threads > 1 {
		l.threads(p)
	}
	l.files(p)
}

func (l *lister) unreadable(pid int) {
	l.mu.Lock()
	defer l.mu.Unlock()
	l.listing.Unreadable = append(l.listing.Unreadable, pid)
}

// member counts the process in, and returns the namespaces of which it is the lowest member so far.
func (l *lister) member(p *procfs.Process) (lowest []*Namespace, err error) {
	var links [len(kinds)]link
	for i, t := range l.types {
		inode, err := p.NS(t.Name())
		if errors.Is(err, unix.EACCES) {
			return nil, err
		} // else a zombie is still in a user and a pid namespace; the dead nowhere
		links[i] = link{t, inode}
	}
	rows := l.knownAll(links)
	for i, at := range links {
		if rows[i] == nil && at.inode != 0 {
			rows[i] = l.open(at, func() (int, error) { return p.OpenNS(at.t.Name()) })
		}
	}
	return l.count(p.PID, rows), nil
}

// count adds a member to the rows, and returns those of which it is the lowest one so far.
func (l *lister) count(pid int, rows [len(kinds)]*Namespace) (lowest []*Namespace) {
	l.mu.Lock()
	defer l.mu.Unlock()
	for _, row := range rows {
		if row == nil {
			continue
		}
		row.Members++
		if row.PID == 0 || pid < row.PID {
			row.PID = pid
			lowest = append(lowest, row)
		}
	}
	return lowest
}

// standsFor says who p is in the rows where it is still the lowest member.
func (l *lister) standsFor(p *procfs.Process, uid int, rows []*Namespace) {
	if len(rows) == 0 {
		return
	}
	command := p.Command()
	l.mu.Lock()
	defer l.mu.Unlock()
	for _, row := range rows {
		if row.PID == p.PID {
			row.Command, row.UID = command, uid
		}
	}
}
