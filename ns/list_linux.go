package ns

import (
	"fmt"
	"runtime"
	"slices"
	"sync"

	"nsexec/internal/nsfs"
	"nsexec/internal/procfs"
)

// survey is what all listers of a listing need to know.
type survey struct {
	types    []Type
	pidfds   bool   // whether to ask processes by pidfds
	hasIDs   bool   // whether all namespaces have 64-bit ids
	ownMount uint64 // the caller's mount namespace
}

func newSurvey(supported Type) survey {
	return survey{types: supported.Types(), pidfds: nsfs.PIDFDNamespaces.Has(), hasIDs: nsfs.IDs.Has()}
}

func list() (*Listing, error) {
	supported, err := Supported()
	if err != nil {
		return nil, err
	}
	self, err := procfs.OpenThread()
	if err != nil {
		return nil, fmt.Errorf("list namespaces: %w", err)
	}
	defer self.Close()
	s := newSurvey(supported)
	s.ownMount, _ = self.NS("mnt")
	pids, err := procfs.OpenPIDs()
	if err != nil {
		return nil, fmt.Errorf("list processes: %w", err)
	}
	defer pids.Close()

	var own mountTable
	l := s.processes(pids, func(l *lister) { own = l.mountTable(self) })
	l.besides(own)
	if l.err != nil {
		return nil, fmt.Errorf("list namespaces: %w", l.err)
	}
	slices.Sort(l.unreadable)
	hidden := own.hidepid && !procfs.Private()
	return &Listing{Namespaces: merge(l.known, l.sorted()).finish(), Unreadable: l.unreadable, Hidden: hidden}, nil
}

// processes divides the processes among as many threads as there are processors: nearly all of the time is the kernel's.
// Each has a lister of its own. What they have found is what the returned one knows. also is to be done meanwhile, by
// the one on the caller's thread.
func (s survey) processes(pids *procfs.PIDReader, also func(*lister)) *lister {
	const most = 8 // for each keeps some files open
	listers := make([]*lister, min(runtime.GOMAXPROCS(0), most))
	var wg sync.WaitGroup
	for i := range listers {
		l := s.lister()
		listers[i] = l
		if i > 0 {
			wg.Go(func() { l.work(pids) })
		}
	}
	also(listers[0])
	listers[0].work(pids)
	wg.Wait()

	s.hasIDs = false // what is known is sorted by inode numbers
	all := s.lister()
	for _, l := range listers {
		all.known = merge(all.known, l.found)
		all.tables = append(all.tables, l.tables...)
		all.unreadable = append(all.unreadable, l.unreadable...)
		if l.err != nil {
			all.err = l.err
		}
	}
	return all
}

func (s survey) lister() *lister {
	return &lister{survey: s, rows: make(map[link]*draft), ids: make(map[uint64]*draft)}
}
