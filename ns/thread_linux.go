package ns

import (
	"errors"
	"fmt"
	"runtime"

	"golang.org/x/sys/unix"

	"nsexec/internal/procfs"
)

// What becomes of a thread that a function was given.
const (
	disposable = false // it ends
	reusable   = true  // Go may go on with it, if it did not have to follow the caller anywhere
)

// onOtherThread runs fn on another thread than the caller's, which waits, locked to its own. The other one is never
// the main thread, and is in the same namespaces as the caller's. Panics and runtime.Goexit come through.
func onOtherThread(fn func() error, reuse bool) error {
	runtime.LockOSThread()
	defer runtime.UnlockOSThread()
	caller, err := thisThread()
	if err != nil {
		return err
	}
	result := make(chan outcome, 1)
	go runLocked(result, func() error {
		moved, err := caller.follow()
		if reuse && !moved {
			defer runtime.UnlockOSThread()
		}
		if err != nil {
			return err
		}
		return fn()
	})
	return (<-result).resume()
}

// runLocked runs fn on a locked thread that is not the main one: Go can only park that, and /proc/self
// would show where it is for ever. Unless fn unlocks the thread, it ends here.
func runLocked(result chan<- outcome, fn func() error) {
	runtime.LockOSThread()
	if onMainThread() {
		defer runtime.UnlockOSThread()
		other := make(chan outcome, 1)
		go runLocked(other, fn) // not here: this thread is held
		result <- <-other
		return
	}
	observe(fn, func(o outcome) { result <- o })
}

// place is where a thread is.
type place struct {
	tid    int
	inodes map[Type]uint64
}

func thisThread() (place, error) {
	p := place{unix.Gettid(), make(map[Type]uint64)}
	for _, t := range All.Types() {
		inode, err := procfs.ThreadNS(t.Name())
		if errors.Is(err, unix.ENOENT) {
			continue // the kernel has no such type
		}
		if err != nil {
			return p, fmt.Errorf("find out the thread's %s: %w", t.label(), err)
		}
		p.inodes[t] = inode
	}
	return p, nil
}

// follow brings the calling thread to where the other one is, and tells whether it had to go anywhere.
func (p place) follow() (moved bool, err error) {
	here, err := thisThread()
	if err != nil {
		return false, err
	}
	for _, t := range (threadTypes | Mount).Types() { // mnt last
		if here.inodes[t] == p.inodes[t] {
			continue
		}
		moved = true
		if err := joinThread(p.tid, t); err != nil {
			return moved, fmt.Errorf("follow thread %d: %w", p.tid, err)
		}
	}
	return moved, nil
}

func joinThread(tid int, t Type) error {
	h, err := OpenPID(tid, t)
	if err != nil {
		return err
	}
	defer h.Close()
	return h.join()
}
