package ns

import (
	"errors"

	"golang.org/x/sys/unix"

	"nsexec/internal/nsfs"
	"nsexec/internal/procfs"
	"nsexec/internal/raw"
)

// subject is a process that a lister is at.
type subject struct {
	*procfs.Process
	pidfd int // see lister.pidfds
}

// process reads all that one process has to do with namespaces.
func (l *lister) process(pid int) {
	dir, err := procfs.OpenProcess(pid)
	if err != nil {
		l.cannot(pid, err)
		return
	}
	p := &subject{dir, notOpen}
	defer p.close()
	l.read(p)
}

// read asks for the process's threads after its namespaces: that it has not gone since its directory was opened proves
// that the pidfd, which comes from its number, is the same process's.
func (l *lister) read(p *subject) {
	rows, err := l.namespaces(p)
	if err != nil {
		l.cannot(p.PID, err)
		return
	}
	uid, threads := p.Task()
	if threads == 0 {
		return
	}
	l.count(p, uid, rows)
	if threads > 1 {
		l.threads(p)
	}
	l.files(p)
}

func (p *subject) close() {
	p.Close()
	if p.pidfd != notOpen {
		raw.Close(p.pidfd)
	}
}

// cannot notes why a process is left out, unless it has gone.
func (l *lister) cannot(pid int, err error) {
	l.fail(err)
	if errors.Is(err, unix.EACCES) {
		l.unreadable = append(l.unreadable, pid)
	}
}

// namespaces returns the rows of those that the process is in.
func (l *lister) namespaces(p *subject) (rows [len(kinds)]*draft, err error) {
	if l.pidfds {
		rows, err = l.byPIDFD(p)
		if err == nil || errors.Is(err, unix.EACCES) {
			return rows, err
		}
		l.fail(err)
	}
	return l.byLinks(p) // for a zombie too, which is still in a user and a pid namespace
}

// byPIDFD opens all of them. That, with what it takes to close them, is no slower than reading links of procfs, as it
// needs no path; and those that are new need not be opened.
func (l *lister) byPIDFD(p *subject) (rows [len(kinds)]*draft, err error) {
	if p.pidfd, err = raw.PidfdOpen(p.PID); err != nil {
		return rows, err
	}
	for i, t := range l.types {
		fd, err := nsfs.OpenPIDFD(p.pidfd, uint64(t))
		if err != nil {
			return rows, err
		}
		rows[i] = l.adoptType(fd, t)
	}
	return rows, nil
}

// byLinks opens only those that are new.
func (l *lister) byLinks(p *subject) (rows [len(kinds)]*draft, err error) {
	for i, t := range l.types {
		inode, err := p.NS(t.Name())
		if errors.Is(err, unix.EACCES) {
			return rows, err
		}
		if err == nil { // else a zombie; the dead are nowhere
			rows[i] = l.rowOf(link{t, inode}, func() (int, error) { return p.OpenNS(t.Name()) })
		}
	}
	return rows, nil
}

// count adds a member to the rows. It stands for those of which it is the lowest one so far.
func (l *lister) count(p *subject, uid int, rows [len(kinds)]*draft) {
	command, known := "", false
	var err error
	for _, row := range rows {
		if row == nil {
			continue
		}
		row.Members++
		if row.Type == Mount && row.Members == 1 && row.ID.Ino != l.ownMount {
			l.mounts(p, row)
		}
		if row.PID != 0 && row.PID < p.PID {
			continue
		}
		if !known {
			command, err = p.Command()
			l.fail(err)
			known = true
		}
		row.PID, row.UID, row.Command = p.PID, uid, command
	}
}
