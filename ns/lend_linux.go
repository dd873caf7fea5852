package ns

import (
	"fmt"
	"sync"

	"nsexec/internal/procfs"
)

// Opening the namespace to come back to costs more than the way there and back. But the one that a thread is in
// is nearly always open already: an enclosing Do has joined it, or the process lives in it. Any open file of a
// namespace is as good as another, so those in use are lent by inode; which one is needed, the kernel has said a
// moment before. An inode cannot be given away while such a file is open.
var lending = struct {
	sync.Mutex
	joined map[uint64]*joined  // by inode: what some Do is in now
	home   [len(kinds)]*Handle // where the process lives: opened at first need, kept for ever
}{joined: make(map[uint64]*joined)}

type joined struct {
	h     *Handle
	count int
}

// lend offers h to those who have to come back to it, until takeBack.
func lend(h *Handle) {
	lending.Lock()
	defer lending.Unlock()
	j := lending.joined[h.id.Ino]
	if j == nil {
		j = &joined{h: h}
		lending.joined[h.id.Ino] = j
	}
	j.count++
}

func takeBack(h *Handle) {
	lending.Lock()
	defer lending.Unlock()
	j := lending.joined[h.id.Ino]
	if j.count--; j.count == 0 {
		delete(lending.joined, h.id.Ino)
	}
}

// borrow returns an open handle on the namespace with this inode, or nil.
func borrow(t Type, inode uint64) *Handle {
	lending.Lock()
	defer lending.Unlock()
	if home := lending.home[t.index()]; home != nil && home.id.Ino == inode {
		return home
	}
	if j := lending.joined[inode]; j != nil {
		return j.h
	}
	return nil
}

// withOrigin calls fn with the namespace that the thread is in, whose inode is here, and its descriptor.
func withOrigin(t Type, here uint64, fn func(origin *Handle, back uintptr) error) (err error) {
	if h := borrow(t, here); h != nil {
		if h.Control(func(back uintptr) { err = fn(h, back) }) == nil {
			return err
		} // else another goroutine has closed it since
	}
	h, err := Current(t)
	if err != nil {
		return fmt.Errorf("come back from %s: %w", t.label(), err)
	}
	if !keepHome(h) {
		defer h.Close()
	}
	if closed := h.Control(func(back uintptr) { err = fn(h, back) }); closed != nil {
		return closed
	}
	return err
}

// keepHome keeps h if it is where the process lives, and the first such handle.
func keepHome(h *Handle) bool {
	inode, err := procfs.ProcessNS(h.t.Name())
	if err != nil || inode != h.id.Ino {
		return false
	}
	lending.Lock()
	defer lending.Unlock()
	home := &lending.home[h.t.index()]
	if *home != nil {
		return false
	}
	*home = h
	return true
}
