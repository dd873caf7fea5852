package ns

import (
	"errors"
	"fmt"
	"os"
	"runtime"

	"golang.org/x/sys/unix"
)

// threadTypes are the ones that a thread joins, and leaves again, by setns(2) alone.
const threadTypes = Net | UTS | IPC | Cgroup

func do(h *Handle, fn func() error) error {
	runtime.LockOSThread()
	defer runtime.UnlockOSThread()
	tid := unix.Gettid()
	here, err := whereIs(tid, h.t)
	if err != nil {
		here = 0 // procfs does not know us: the namespace to come back to has to be opened
	}
	switch {
	case here == h.id.Ino:
		return h.stay(fn)
	case h.t&threadTypes != 0 && tid != mainThread:
		return h.visit(tid, here, fn)
	case h.t&threadTypes != 0:
		return onOtherThread(func() error { return do(h, fn) }, reusable)
	case h.t == Mount:
		return onOtherThread(func() error { return h.move(fn) }, disposable)
	}
	return h.checkThread()
}

// checkThread refuses the types that no single thread can join.
func (h *Handle) checkThread() error {
	switch h.t {
	case PID:
		return fmt.Errorf("join %v: %w: a thread keeps its pid namespace for life", h, errors.ErrUnsupported)
	case User, Time:
		return fmt.Errorf("join %v: %w", h, ErrMultithreaded)
	}
	return nil
}

// stay is for the namespace that the thread is in already.
func (h *Handle) stay(fn func() error) error {
	if err := h.Control(func(uintptr) {}); err != nil {
		return fmt.Errorf("join %v: %w", h, err)
	}
	return fn()
}

// visit runs fn in h and takes the thread tid back to the namespace with the inode here.
func (h *Handle) visit(tid int, here uint64, fn func() error) (err error) {
	closed := h.Control(func(there uintptr) {
		err = withOrigin(h.t, here, func(origin *Handle, back uintptr) error {
			if !origin.letsBack(back) {
				return onOtherThread(func() error { return h.move(fn) }, disposable)
			}
			return h.thereAndBack(tid, there, back, fn)
		})
	})
	if closed != nil {
		return fmt.Errorf("join %v: %w", h, closed)
	}
	return err
}

// letsBack tells whether the calling thread, which is in h, could come back after leaving it. Root of a user namespace
// cannot return to what belongs to the parent one (EPERM). We join where we are to find out.
//
// Yes holds for good: it depends on the process's user namespace, which no Go program changes; on h's owner, which
// nothing changes; and on capabilities without which the way there is closed, too.
func (h *Handle) letsBack(fd uintptr) bool {
	if !h.backProved.Load() {
		h.backProved.Store(unix.Setns(int(fd), int(h.t)) == nil)
	}
	return h.backProved.Load()
}

// thereAndBack leaves the goroutine locked to the thread if the way back fails.
func (h *Handle) thereAndBack(tid int, there, back uintptr, fn func() error) (err error) {
	if err := unix.Setns(int(there), int(h.t)); err != nil {
		return fmt.Errorf("join %v: %w", h, err)
	}
	lend(h)
	begin(tid)
	defer func() {
		end(tid)
		takeBack(h)
		if failed := comeBack(tid, back, h.t); failed != nil {
			runtime.LockOSThread()
			err = errors.Join(err, fmt.Errorf("%w: leave %v: %w", ErrThreadTainted, h, failed))
		}
	}()
	return fn()
}

func comeBack(tid int, back uintptr, t Type) error {
	if unix.Gettid() != tid {
		return fmt.Errorf("the function has unlocked its goroutine from thread %d", tid)
	}
	return unix.Setns(int(back), int(t))
}

// move joins h and runs fn, on a thread that nobody will use again.
func (h *Handle) move(fn func() error) error {
	if err := h.join(); err != nil {
		return fmt.Errorf("join %v: %w", h, err)
	}
	return fn()
}

// join is setns for a thread that will not come back: for mnt it unshares root and working directory first,
// because setns(2) refuses a thread that shares them (EINVAL).
func (h *Handle) join() error {
	if h.t == Mount {
		if err := unix.Unshare(unix.CLONE_FS); err != nil {
			return fmt.Errorf("unshare root and working directory: %w", err)
		}
	}
	return h.setns()
}

// setns joins h with the calling thread.
func (h *Handle) setns() (err error) {
	if closed := h.Control(func(fd uintptr) { err = unix.Setns(int(fd), int(h.t)) }); closed != nil {
		return closed
	}
	return err
}

var mainThread = os.Getpid()

func onMainThread() bool { return unix.Gettid() == mainThread }
