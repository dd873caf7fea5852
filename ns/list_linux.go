package ns

import (
	"cmp"
	"errors"
	"fmt"
	"slices"

	"golang.org/x/sys/unix"

	"nsexec/internal/nsfs"
	"nsexec/internal/procfs"
)

// lister collects rows by inode number: all namespaces stand on one device.
type lister struct {
	listing Listing
	rows    map[uint64]*Namespace
	types   []Type
	proc    *procfs.All
	pids    []int
}

func list() (*Listing, error) {
	supported, err := Supported()
	if err != nil {
		return nil, err
	}
	proc, err := procfs.OpenAll()
	if err != nil {
		return nil, fmt.Errorf("list namespaces: %w", err)
	}
	defer proc.Close()
	pids, err := proc.PIDs()
	if err != nil {
		return nil, fmt.Errorf("list processes: %w", err)
	}
	l := &lister{rows: make(map[uint64]*Namespace), types: supported.Types(), proc: proc, pids: pids}
	l.eachProcess(l.members)
	l.pins()
	l.eachProcess(l.holders)
	l.rest()
	return l.result(), nil
}

// eachProcess calls fn with those that are still there, in ascending order.
func (l *lister) eachProcess(fn func(*procfs.Process)) {
	for _, pid := range l.pids {
		if p, err := l.proc.Process(pid); err == nil {
			fn(p)
			p.Close()
		}
	}
}

// members counts one process in.
func (l *lister) members(p *procfs.Process) {
	for _, t := range l.types {
		inode, err := p.NS(t.Name())
		switch {
		case errors.Is(err, unix.EACCES):
			l.listing.Unreadable = append(l.listing.Unreadable, p.PID)
			return
		case err != nil:
			continue // a zombie is still in a user and a pid namespace; the dead nowhere
		}
		row := l.rows[inode]
		if row == nil {
			fd, err := p.OpenNS(t.Name())
			if row = l.adopt(fd, t, err); row == nil {
				continue
			}
		}
		row.count(p)
	}
}

// count makes the first process that comes the one that stands for all.
func (n *Namespace) count(p *procfs.Process) {
	n.Members++
	if n.Members > 1 {
		return
	}
	n.PID = p.PID
	n.Command = p.Command()
	if uid, err := p.UID(); err == nil {
		n.UID = uid
	}
}

// adopt makes a row for the namespace fd, which it takes over, and for those that it descends from. err is that of
// opening it: a file that has gone since, or is another one now, makes no row.
func (l *lister) adopt(fd int, t Type, err error) *Namespace {
	if err != nil {
		return nil
	}
	if found, err := nsfs.Type(fd); err != nil || Type(found) != t {
		unix.Close(fd)
		return nil
	}
	h, err := newHandle(fd, t)
	if err != nil {
		return nil
	}
	defer h.Close()
	return l.add(h)
}

// add fills in what the kernel tells about h, if it is new.
func (l *lister) add(h *Handle) *Namespace {
	if row := l.rows[h.id.Ino]; row != nil {
		return row
	}
	row := &Namespace{Type: h.t, ID: h.id, OwnerUID: -1, UID: -1}
	l.rows[h.id.Ino] = row
	row.ID64, _ = h.ID64()
	if h.t == User {
		if uid, err := h.ownerUID(); err == nil {
			row.OwnerUID = uid
		}
	}
	if owner := l.relative(h.Owner()); owner != nil {
		row.Owner = owner.ID
		if h.t != User {
			row.OwnerUID = owner.OwnerUID
		}
	}
	switch h.t {
	case User: // the owner is the parent
		row.Parent = row.Owner
	case PID:
		if parent := l.relative(h.Parent()); parent != nil {
			row.Parent = parent.ID
		}
	}
	return row
}

// relative makes a row for an owner or a parent, unless it is above what the caller may see.
func (l *lister) relative(h *Handle, err error) *Namespace {
	if err != nil {
		return nil
	}
	defer h.Close()
	return l.add(h)
}

// rest adds what the kernel has and procfs does not show.
func (l *lister) rest() {
	known := make(map[uint64]bool)
	for _, row := range l.rows {
		known[row.ID64] = true
	}
	for id := range nsfs.IDsOfAll() {
		if known[id] {
			continue
		}
		fd, err := nsfs.OpenByID(id, 0, 0)
		if err != nil {
			continue // gone, or not for us
		}
		t, err := nsfs.Type(fd)
		l.adopt(fd, Type(t), err)
	}
}

func (l *lister) result() *Listing {
	for _, row := range l.rows {
		l.listing.Namespaces = append(l.listing.Namespaces, *row)
	}
	slices.SortFunc(l.listing.Namespaces, func(a, b Namespace) int {
		return cmp.Or(cmp.Compare(a.Type.index(), b.Type.index()), cmp.Compare(a.ID.Ino, b.ID.Ino))
	})
	return &l.listing
}
