package ns

import (
	"sync"

	"golang.org/x/sys/unix"

	"nsexec/internal/procfs"
)

// Asking procfs where a thread is takes as long as going there. Most of it is the way from thread-self to the thread's
// directory, so that is kept open for a thread in a Do, from the first nested Do on: the question is asked each time.
// The directory is bound to the thread, not to its number.
var visits = struct {
	sync.Mutex
	of map[int]visit // by thread id
}{of: make(map[int]visit)}

type visit struct {
	depth int             // how many Do's the thread is in
	self  *procfs.Process // its directory; nil until it is asked for
}

// begin notes that the thread tid, the calling one, is in one more Do.
func begin(tid int) {
	visits.Lock()
	defer visits.Unlock()
	v := visits.of[tid]
	v.depth++
	visits.of[tid] = v
}

// end undoes begin. On another thread, where a function has left its own, the directory stays open: a Do on the
// first thread may be about to ask it.
func end(tid int) {
	visits.Lock()
	defer visits.Unlock()
	v := visits.of[tid]
	if v.depth--; v.depth > 0 {
		visits.of[tid] = v
		return
	}
	delete(visits.of, tid)
	if v.self != nil && unix.Gettid() == tid {
		v.self.Close()
	}
}

// whereIs returns the inode number of the namespace that the thread tid, the calling one, is in.
func whereIs(tid int, t Type) (uint64, error) {
	if self := selfOf(tid); self != nil {
		if inode, err := self.NS(t.Name()); err == nil {
			return inode, nil
		}
	}
	return procfs.ThreadNS(t.Name())
}

// selfOf returns the thread's directory if it is in a Do.
func selfOf(tid int) *procfs.Process {
	visits.Lock()
	defer visits.Unlock()
	v := visits.of[tid]
	if v.depth == 0 || v.self != nil {
		return v.self
	}
	self, err := procfs.OpenThread()
	if err != nil {
		return nil
	}
	v.self = self
	visits.of[tid] = v
	return self
}
