package ns

import (
	"nsexec/internal/nsfs"
	"nsexec/internal/raw"
)

// Rows are made from bare descriptors: a thousand Handles would cost more than what the kernel has to do.

// row returns the row of the namespace that a link is to, and makes it if it is new.
func (l *lister) row(at link, open func() (int, error)) *Namespace {
	if row := l.known(at); row != nil {
		return row
	}
	return l.open(at, open)
}

// open is row for one that is new. open opens a namespace of the link's type; if it has gone since the link was read, or
// is another one now, there is no row.
func (l *lister) open(at link, open func() (int, error)) *Namespace {
	fd, err := open()
	if err != nil {
		return nil
	}
	if row := l.adoptType(fd, at.t); row != nil && row.ID.Ino == at.inode {
		return row
	}
	return nil
}

func (l *lister) known(at link) *Namespace {
	l.mu.Lock()
	defer l.mu.Unlock()
	return l.rows[at]
}

// knownAll is known for all namespaces of a process.
func (l *lister) knownAll(links [len(kinds)]link) (rows [len(kinds)]*Namespace) {
	l.mu.Lock()
	defer l.mu.Unlock()
	for i, at := range links {
		rows[i] = l.rows[at]
	}
	return rows
}

// adopt makes a row for the open file fd, which it closes, if it is a namespace.
func (l *lister) adopt(fd int) *Namespace {
	found, err := nsfs.Type(fd)
	if t := Type(found); err == nil && t.index() >= 0 {
		return l.adoptType(fd, t)
	}
	raw.Close(fd)
	return nil
}

// adoptType is adopt for what is certainly a namespace of type t.
func (l *lister) adoptType(fd int, t Type) *Namespace {
	defer raw.Close(fd)
	id, err := identify(fd)
	if err != nil {
		return nil
	}
	at := link{t, id.Ino}
	if row := l.known(at); row != nil {
		return row
	}
	row := l.ask(fd, t, id)
	l.mu.Lock()
	defer l.mu.Unlock()
	if first := l.rows[at]; first != nil {
		return first // another goroutine was faster
	}
	l.rows[at] = row
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
