//go:build linux && cgo

package nsenter

import (
	"errors"
	"os"
	"sync"
	"sync/atomic"
	"syscall"
	"time"

	"golang.org/x/sys/unix"
)

// reaper waits for all children at once: the pidfds that their os.Processes
// hold are in one epoll, and that is in Go's poller. A child costs one fd, a
// goroutine, and no thread.
type reaper struct {
	epoll *os.File
	raw   syscall.RawConn

	mu      sync.Mutex
	waiting map[int32]chan<- struct{} // closed at the event that carries the number
	last    int32
}

var theReaper = sync.OnceValues(newReaper)

func newReaper() (*reaper, error) {
	fd, err := unix.EpollCreate1(unix.EPOLL_CLOEXEC)
	if err != nil {
		return nil, os.NewSyscallError("epoll_create1", err)
	}
	if err := unix.SetNonblock(fd, true); err != nil { // what makes an os.File use the poller
		unix.Close(fd)
		return nil, os.NewSyscallError("fcntl", err)
	}
	epoll := os.NewFile(uintptr(fd), "reaper")
	raw, err := epoll.SyscallConn()
	if err != nil {
		epoll.Close()
		return nil, err
	}
	r := &reaper{epoll: epoll, raw: raw, waiting: make(map[int32]chan<- struct{})}
	go r.run()
	return r, nil
}

// reap takes over waiting for p, which must be a child of ours.
func reap(p *os.Process) *child {
	c := newChild(p)
	c.letGo()
	c.waitBehind()
	return c
}

// reapLater leaves it to whoever asks how p has ended, for as long as most programs
// take, and does not reap it before it is let go. Where it is certain that somebody
// asks, that spares a timer, whose setting interrupts Go's poller.
func reapLater(p *os.Process, certain bool) *child {
	_, _ = theReaper() // with the first child, not with the first that runs for long
	c := newChild(p)
	if !certain {
		c.later = time.AfterFunc(shortWait*time.Millisecond, func() {
			if c.take() {
				c.waitInPoller()
			}
		})
	}
	return c
}

// waitHere does not go through the poller if the end comes soon.
func (c *child) waitHere() {
	ended := false
	_ = c.process.WithHandle(func(pidfd uintptr) {
		if ended = endsSoon(pidfd); ended {
			c.reap(pidfd)
		}
	})
	if !ended {
		go c.waitInPoller()
	}
}

// waitInPoller holds the pidfd, so that the child is reaped although the caller may
// release the process. Where that has been done, another pidfd is of the same
// process, which is there until we wait for it. Where there is none (seccomp may
// refuse pidfd_open) a thread waits.
func (c *child) waitInPoller() {
	wait := func(pidfd uintptr) {
		awaitExit(pidfd)
		c.reap(pidfd)
	}
	if c.process.WithHandle(wait) == nil {
		return
	}
	pidfd, err := unix.PidfdOpen(c.pid, 0)
	if err != nil {
		<-c.kept
		c.settle(c.waitChild(-1))
		return
	}
	defer unix.Close(pidfd)
	wait(uintptr(pidfd))
}

func (c *child) reap(pidfd uintptr) {
	<-c.kept
	c.settle(c.waitChild(int(pidfd)))
}

// Most programs that somebody enters for end soon. So a wait begins in the kernel,
// which saves going through Go's poller: several thread switches, of a start
// that takes not many more. Long ones and many at once must not cost threads.
const (
	shortWait    = 10 // ms
	maxShortWait = 4
)

var shortWaits atomic.Int32

// endsSoon waits for so long at most, and not at all when enough others do.
func endsSoon(pidfd uintptr) bool {
	defer shortWaits.Add(-1)
	if shortWaits.Add(1) > maxShortWait {
		return false
	}
	fds := []unix.PollFd{{Fd: int32(pidfd), Events: unix.POLLIN}}
	n, err := unix.Poll(fds, shortWait)
	return err == nil && n > 0
}

// awaitExit returns at once where the poller is of no help. A process can be
// seen to have exited before it can be waited for, while somebody else traces
// it: the wait then takes a thread.
func awaitExit(pidfd uintptr) {
	r, err := theReaper()
	if err != nil {
		return
	}
	exited := make(chan struct{})
	number := r.enter(exited)
	event := unix.EpollEvent{Events: unix.EPOLLIN | unix.EPOLLONESHOT, Fd: number}
	if r.control(unix.EPOLL_CTL_ADD, pidfd, &event) != nil {
		r.leave(number)
		return
	}
	<-exited
	_ = r.control(unix.EPOLL_CTL_DEL, pidfd, nil)
}

func (r *reaper) control(op int, pidfd uintptr, event *unix.EpollEvent) (err error) {
	rawErr := r.raw.Control(func(epoll uintptr) {
		err = unix.EpollCtl(int(epoll), op, int(pidfd), event)
	})
	return errors.Join(rawErr, err)
}

func (r *reaper) enter(exited chan<- struct{}) int32 {
	r.mu.Lock()
	defer r.mu.Unlock()
	for taken := true; taken; _, taken = r.waiting[r.last] {
		r.last++
	}
	r.waiting[r.last] = exited
	return r.last
}

func (r *reaper) leave(number int32) (exited chan<- struct{}) {
	r.mu.Lock()
	defer r.mu.Unlock()
	exited = r.waiting[number]
	delete(r.waiting, number)
	return exited
}

func (r *reaper) run() {
	var events [64]unix.EpollEvent
	for {
		n, err := r.wait(events[:])
		if err != nil {
			return // never: nobody closes the epoll
		}
		for _, e := range events[:n] {
			if exited := r.leave(e.Fd); exited != nil {
				close(exited)
			}
		}
	}
}

// wait asks without waiting, and lets the poller wait.
func (r *reaper) wait(events []unix.EpollEvent) (n int, err error) {
	rawErr := r.raw.Read(func(fd uintptr) bool {
		n, err = unix.EpollWait(int(fd), events, 0)
		return n > 0 || err != nil && !errors.Is(err, unix.EINTR)
	})
	return n, errors.Join(rawErr, err)
}

// waitChild waits, with the child's pidfd or -1. When the status went elsewhere,
// because SIGCHLD is ignored or somebody waited for any child, the pidfd may still
// have it. For a process that its caller has released there is no ProcessState; it
// is reaped all the same.
func (c *child) waitChild(pidfd int) (*os.ProcessState, error) {
	state, err := c.process.Wait()
	switch {
	case errors.Is(err, unix.ECHILD):
		err = lostStatus(pidfd)
	case errors.Is(err, unix.EINVAL):
		c.reapReleased(pidfd)
	}
	return state, err
}

// reapReleased does it by the pidfd, or where that cannot be, by the pid: it is the
// child's until somebody has waited for it.
func (c *child) reapReleased(pidfd int) {
	err := unix.Waitid(unix.P_PIDFD, pidfd, nil, unix.WEXITED, nil)
	if err != nil && !errors.Is(err, unix.ECHILD) {
		_ = unix.Waitid(unix.P_PID, c.pid, nil, unix.WEXITED, nil)
	}
}

// lostChild is a child that somebody else has waited for before we could take hold
// of it. Its pid may be another's by now: p must not signal that one.
func lostChild(p *os.Process, from *sender) *child {
	c := newChild(p)
	c.take()
	_ = p.Release()
	p.Pid = c.pid
	var err error = &LostStatusError{}
	if from.pidfd != nil {
		err = lostStatus(int(from.pidfd.Fd()))
	}
	c.settle(nil, err)
	return c
}
