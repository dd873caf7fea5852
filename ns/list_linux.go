package ns

import (
	"cmp"
	"errors"
	"fmt"
	"maps"
	"runtime"
	"slices"
	"sync"
	"sync/atomic"

	"golang.org/x/sys/unix"

	"nsexec/internal/nsfs"
	"nsexec/internal/procfs"
)

// lister collects rows by inode number: all namespaces stand on one device.
type lister struct {
	types []Type
	pids  []int

	mu      sync.Mutex // guards the rest, the rows' fields too
	rows    map[uint64]*Namespace
	listing Listing
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
	l := &lister{rows: make(map[uint64]*Namespace), types: supported.Types(), pids: pids}
	parallel(len(pids), func(i int) { l.process(pids[i]) })
	l.pins()
	l.rest()
	return l.result(), nil
}

// parallel calls fn with 0 to n-1 on as many threads as there are processors. Nearly all of the time is the kernel's.
func parallel(n int, fn func(i int)) {
	var next atomic.Int64
	var wg sync.WaitGroup
	for range min(n, runtime.GOMAXPROCS(0)) {
		wg.Go(func() {
			for i := int(next.Add(1)) - 1; i < n; i = int(next.Add(1)) - 1 {
				fn(i)
			}
		})
	}
	wg.Wait()
}

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
	l.standsFor(p, lowest)
	l.threads(p)
	l.files(p)
}

func (l *lister) unreadable(pid int) {
	l.mu.Lock()
	defer l.mu.Unlock()
	l.listing.Unreadable = append(l.listing.Unreadable, pid)
}

// member counts the process in, and returns the namespaces of which it is the lowest member so far.
func (l *lister) member(p *procfs.Process) (lowest []*Namespace, err error) {
	var inodes [len(kinds)]uint64
	for i, t := range l.types {
		inodes[i], err = p.NS(t.Name())
		if errors.Is(err, unix.EACCES) {
			return nil, err
		} // else a zombie is still in a user and a pid namespace; the dead nowhere
	}
	rows := l.knownAll(inodes)
	for i, t := range l.types {
		if rows[i] == nil && inodes[i] != 0 {
			rows[i] = l.row(inodes[i], t, func() (int, error) { return p.OpenNS(t.Name()) })
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
func (l *lister) standsFor(p *procfs.Process, rows []*Namespace) {
	if len(rows) == 0 {
		return
	}
	command, uid := p.Command(), p.UID()
	l.mu.Lock()
	defer l.mu.Unlock()
	for _, row := range rows {
		if row.PID == p.PID {
			row.Command, row.UID = command, uid
		}
	}
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
