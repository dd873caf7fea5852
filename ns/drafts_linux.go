package ns

import (
	"cmp"
	"slices"
)

// draft is a row in the making.
type draft struct {
	Namespace
	place int  // of its type in kinds
	kept  bool // its file is among keptFiles
}

// drafts are sorted as in Listing.
type drafts []*draft

func (row *draft) compare(other *draft) int {
	return cmp.Or(cmp.Compare(row.place, other.place), cmp.Compare(row.ID.Ino, other.ID.Ino))
}

func (rows drafts) find(at link) *draft {
	wanted := &draft{place: at.t.index(), Namespace: Namespace{ID: ID{Ino: at.inode}}}
	if i, ok := slices.BinarySearchFunc(rows, wanted, (*draft).compare); ok {
		return rows[i]
	}
	return nil
}

func (rows drafts) ids() map[uint64]bool {
	ids := make(map[uint64]bool, len(rows))
	for _, row := range rows {
		ids[row.ID64] = true
	}
	return ids
}

// merge makes one row of two for the same namespace.
func merge(a, b drafts) drafts {
	all := make(drafts, 0, len(a)+len(b))
	for len(a) > 0 && len(b) > 0 {
		switch c := a[0].compare(b[0]); {
		case c < 0:
			all, a = append(all, a[0]), a[1:]
		case c > 0:
			all, b = append(all, b[0]), b[1:]
		default:
			a[0].add(b[0])
			b = b[1:]
		}
	}
	return append(append(all, a...), b...)
}

// add takes over what another row knows about the same namespace, or about another one with its number, which means that
// one of them has gone.
func (row *draft) add(other *draft) {
	if row.ID64 != other.ID64 {
		*row = *other
		return
	}
	row.Members += other.Members
	row.Holders = append(row.Holders, other.Holders...)
	row.Pins = append(row.Pins, other.Pins...)
	if other.PID != 0 && (row.PID == 0 || other.PID < row.PID) {
		row.PID, row.UID, row.Command = other.PID, other.UID, other.Command
	}
}

func (rows drafts) finish() []Namespace {
	finished := make([]Namespace, len(rows))
	for i, row := range rows {
		if row.Members > 0 {
			row.Holders = nil // many hold it
		}
		slices.SortFunc(row.Holders, func(a, b Holder) int {
			return cmp.Or(cmp.Compare(a.PID, b.PID), cmp.Compare(a.TID, b.TID), cmp.Compare(a.FD, b.FD))
		})
		finished[i] = row.Namespace
	}
	return finished
}
