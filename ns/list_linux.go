package ns

import (
	"cmp"
	"fmt"
	"maps"
	"runtime"
	"slices"
	"sync"
	"sync/atomic"

	"nsexec/internal/nsfs"
	"nsexec/internal/procfs"
)

// lister collects rows.
type lister struct {
	types []Type

	mu      sync.Mutex // guards the rest, the rows' fields too
	rows    map[link]*Namespace
	listing Listing
}

// link is what a link of procfs says about a namespace. All namespaces stand on one device. The number is given to
// another one when it has gone, which may be of another type.
type link struct {
	t     Type
	inode uint64
}

func list() (*Listing, error) {
	supported, err := Supported()
	if err != nil {
		return nil, err
	}
	pids, err := procfs.PIDs()
	if err != nil {
		return nil, fmt.Errorf("list processes: %w", err)
	}
	l := &lister{rows: make(map[link]*Namespace, len(pids)), types: supported.Types()}
	parallel(pids, l.process)
	l.pins()
	l.rest()
	return l.result(), nil
}

// parallel calls fn with each pid on as many threads as there are processors: nearly all of the time is the kernel's.
func parallel(pids []int, fn func(pid int)) {
	const share = 16 // neighbours lie side by side in the kernel's memory too
	var next atomic.Int64
	var wg sync.WaitGroup
	for range min(len(pids), runtime.GOMAXPROCS(0)) {
		wg.Go(func() {
			for {
				end := int(next.Add(share))
				if end-share >= len(pids) {
					return
				}
				for _, pid := range pids[end-share : min(end, len(pids))] {
					fn(pid)
				}
			}
		})
	}
	wg.Wait()
}

// rest adds what the kernel has and procfs does not show.
func (l *lister) rest() {
	var known map[uint64]bool
	for id := range nsfs.IDsOfAll() {
		if known == nil {
			known = l.ids()
		}
		if known[id] {
			continue
		}
		if fd, err := nsfs.OpenByID(id, 0, 0); err == nil { // else gone, or not for us
			l.adopt(fd)
		}
	}
}

func (l *lister) ids() map[uint64]bool {
	ids := make(map[uint64]bool)
	for _, row := range l.rows {
		ids[row.ID64] = true
	}
	return ids
}

func (l *lister) result() *Listing {
	slices.Sort(l.listing.Unreadable)
	rows := slices.SortedFunc(maps.Values(l.rows), func(a, b *Namespace) int {
		return cmp.Or(cmp.Compare(a.Type.index(), b.Type.index()), cmp.Compare(a.ID.Ino, b.ID.Ino))
	})
	l.listing.Namespaces = make([]Namespace, len(rows))
	for i, row := range rows {
		if row.Members > 0 {
			row.Holders = nil // many hold it
		}
		l.listing.Namespaces[i] = *row
	}
	return &l.listing
}
