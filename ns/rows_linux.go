package ns

import (
	"golang.org/x/sys/unix"

	"nsexec/internal/nsfs"
)

// Rows are made from bare descriptors: a thousand Handles would cost more than what the kernel has to do.

// row returns the row of the namespace with this inode, and makes it if it is new. open opens a namespace of type t; if
// it has gone since the inode was read, or is another one now, there is no row.
func (l *lister) row(inode uint64, t Type, open func() (int, error)) *Namespace {
	if row := l.known(inode); row != nil {
		return row
	}
	fd, err := open()
	if err != nil {
		return nil
	}
	if row := l.adoptType(fd, t); row != nil && row.ID.Ino == inode {
		return row
	}
	return nil
}

func (l *lister) known(inode uint64) *Namespace {
	l.mu.Lock()
	defer l.mu.Unlock()
	return l.rows[inode]
}

// knownAll is known for all namespaces of a process.
func (l *lister) knownAll(inodes [len(kinds)]uint64) (rows [len(kinds)]*Namespace) {
	l.mu.Lock()
	defer l.mu.Unlock()
	for i, inode := range inodes {
		rows[i] = l.rows[inode]
	}
	return rows
}

// adopt makes a row for the open file fd, which it closes, if it is a namespace.
func (l *lister) adopt(fd int) *Namespace {
	found, err := nsfs.Type(fd)
	if t := Type(found); err == nil && t.index() >= 0 {
		return l.adoptType(fd, t)
	}
	unix.Close(fd)
	return nil
}

// adoptType is adopt for what is certainly a namespace of type t.
func (l *lister) adoptType(fd int, t Type) *Namespace {
	defer unix.Close(fd)
	id, err := identify(fd)
	if err != nil {
		return nil
	}
	if row := l.known(id.Ino); row != nil {
		return row
	}
	row := l.ask(fd, t, id)
	l.mu.Lock()
	defer l.mu.Unlock()
	if first := l.rows[id.Ino]; first != nil {
		return first // another goroutine was faster
	}
	l.rows[id.Ino] = row
	return row
}

// ask fills in what the kernel tells about a new namespace, and adopts those that it descends from.
func (l *lister) ask(fd int, t Type, id ID) *Namespace {
	row := &Namespace{Type: t, ID: id, OwnerUID: -1, UID: -1}
	row.ID64, _ = id64(uintptr(fd), t) // 0 where there is none
	if owner := l.relative(User, nsfs.UserNS, fd); owner != nil {
		row.Owner, row.OwnerUID = owner.ID, owner.OwnerUID
	}
	switch t {
	case User: // the owner is the parent
		row.Parent, row.OwnerUID = row.Owner, -1
		if uid, err := nsfs.OwnerUID(fd); err == nil {
			row.OwnerUID = uid
		}
	case PID:
		if parent := l.relative(PID, nsfs.Parent, fd); parent != nil {
			row.Parent = parent.ID
		}
	}
	return row
}

// relative adopts an owner or a parent, unless it is above what the caller may see (EPERM).
func (l *lister) relative(t Type, open func(int) (int, error), fd int) *Namespace {
	other, err := open(fd)
	if err != nil {
		return nil
	}
	return l.adoptType(other, t)
}
