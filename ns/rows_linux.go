package ns

import (
	"nsexec/internal/nsfs"
	"nsexec/internal/raw"
)

// Rows are made from bare descriptors: a thousand Handles would cost more than what the kernel has to do.

const notOpen = -1

// rowOf returns the row of the namespace that a link is to, and makes it if it is new.
func (l *lister) rowOf(at link, open func() (int, error)) *draft {
	if row := l.find(at); row != nil {
		return row
	}
	return l.open(at, open)
}

// open is rowOf for one that is new. open opens a namespace of the link's type; if it has gone since the link was read,
// or is another one now, there is no row.
func (l *lister) open(at link, open func() (int, error)) *draft {
	fd, err := open()
	if err != nil {
		l.fail(err)
		return nil
	}
	if row := l.adoptType(fd, at.t); row != nil && row.ID.Ino == at.inode {
		return row
	}
	return nil
}

// adopt makes a row for the open file fd, which it closes, if it is a namespace.
func (l *lister) adopt(fd int) *draft {
	found, err := nsfs.Type(fd)
	if t := Type(found); err == nil && t.index() >= 0 {
		return l.adoptType(fd, t)
	}
	raw.Close(fd)
	return nil
}

// adoptType is adopt for what is certainly a namespace of type t.
func (l *lister) adoptType(fd int, t Type) *draft {
	row, id := l.meet(fd, t)
	if row == nil {
		row = l.ask(fd, t, id)
	} else {
		fd = l.kept.keep(row, fd)
	}
	if fd != notOpen {
		raw.Close(fd)
	}
	return row
}

// meet returns the row of the namespace fd, if there is one, and its 64-bit id, 0 where there is none. Asking for that
// costs half as much as fstat(2).
func (l *lister) meet(fd int, t Type) (*draft, uint64) {
	id, _ := id64(uintptr(fd), t)
	if l.hasIDs && id != 0 {
		return l.ids[id], id
	}
	at, _ := identify(fd)
	return l.find(link{t, at.Ino}), id
}

// ask makes a row of what the kernel tells about a new namespace, and adopts those that it descends from.
func (l *lister) ask(fd int, t Type, id64 uint64) *draft {
	id, err := identify(fd)
	if err != nil {
		return nil
	}
	row := &draft{place: t.index(), Namespace: Namespace{Type: t, ID: id, ID64: id64, OwnerUID: -1, UID: -1}}
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
	l.enter(row)
	return row
}

// relative adopts an owner or a parent, unless it is above what the caller may see (EPERM).
func (l *lister) relative(t Type, open func(int) (int, error), fd int) *draft {
	other, err := open(fd)
	if err != nil {
		l.fail(err)
		return nil
	}
	return l.adoptType(other, t)
}
