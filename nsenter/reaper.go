//go:build linux && cgo

package nsenter

import (
	"errors"
	"os"
	"sync"
	"syscall"

	"golang.org/x/sys/unix"
)

// reaper waits for all children at once: the pidfds that their os.Processes
// hold are in one epoll, and that is in Go's poller. A child costs one fd and
// no thread.
type reaper struct {
	epoll *os.File
	raw   syscall.RawConn

	mu       sync.Mutex
	children map[int32]*child // by the number that their event carries
	last     int32
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
	r := &reaper{epoll: epoll, raw: raw, children: make(map[int32]*child)}
	go r.run()
	return r, nil
}

// reap takes over waiting for p, which must be a child of ours. Where p has no
// pidfd (seccomp may refuse pidfd_open), or the poller is of no help, a
// goroutine with a thread of its own waits.
func reap(p *os.Process) *child {
	c := &child{process: p, exited: make(chan struct{})}
	r, err := theReaper()
	if err == nil {
		err = r.add(c)
	}
	if err != nil {
		go func() { c.settle(waitChild(p)) }()
	}
	return c
}

func (r *reaper) add(c *child) error {
	number := r.enter(c)
	event := unix.EpollEvent{Events: unix.EPOLLIN | unix.EPOLLONESHOT, Fd: number}
	var ctlErr error
	err := errors.Join(c.process.WithHandle(func(pidfd uintptr) {
		ctlErr = r.control(unix.EPOLL_CTL_ADD, pidfd, &event)
	}), ctlErr)
	if err != nil {
		r.leave(number)
	}
	return err
}

func (r *reaper) control(op int, pidfd uintptr, event *unix.EpollEvent) (err error) {
	rawErr := r.raw.Control(func(epoll uintptr) {
		err = unix.EpollCtl(int(epoll), op, int(pidfd), event)
	})
	return errors.Join(rawErr, err)
}

func (r *reaper) enter(c *child) int32 {
	r.mu.Lock()
	defer r.mu.Unlock()
	for taken := true; taken; _, taken = r.children[r.last] {
		r.last++
	}
	r.children[r.last] = c
	return r.last
}

func (r *reaper) leave(number int32) *child {
	r.mu.Lock()
	defer r.mu.Unlock()
	c := r.children[number]
	delete(r.children, number)
	return c
}

func (r *reaper) run() {
	var events [64]unix.EpollEvent
	for {
		n, err := r.wait(events[:])
		if err != nil {
			return // never: nobody closes the epoll
		}
		for _, e := range events[:n] {
			if c := r.leave(e.Fd); c != nil {
				r.settle(c)
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

// settle reaps. A pidfd can be readable before its process can be waited for:
// while somebody else traces it. A goroutine of its own then waits.
func (r *reaper) settle(c *child) {
	var waitable bool
	err := c.process.WithHandle(func(pidfd uintptr) {
		_ = r.control(unix.EPOLL_CTL_DEL, pidfd, nil)
		waitable = isWaitable(pidfd)
	})
	if err != nil || !waitable {
		go func() { c.settle(waitChild(c.process)) }()
		return
	}
	c.settle(waitChild(c.process))
}

// isWaitable reports whether waiting for the process would return at once:
// with its status, or with the news that somebody else has it.
func isWaitable(pidfd uintptr) bool {
	_, exited, err := peek(unix.P_PIDFD, int(pidfd))
	return err != nil || exited
}

// waitChild waits. When the status went elsewhere, because SIGCHLD is ignored
// or somebody waited for any child, the pidfd may still have it.
func waitChild(p *os.Process) (state *os.ProcessState, err error) {
	handleErr := p.WithHandle(func(pidfd uintptr) {
		state, err = p.Wait()
		if errors.Is(err, unix.ECHILD) {
			err = lostStatus(pidfd)
			_ = p.Release() // a Wait that fails keeps the pidfd
		}
	})
	if handleErr == nil {
		return state, err
	}
	state, err = p.Wait()
	if errors.Is(err, unix.ECHILD) {
		err = &LostStatusError{}
	}
	return state, err
}

// lostStatus asks PIDFD_GET_INFO (6.13), whose exit code came with 6.15.
func lostStatus(pidfd uintptr) error {
	info := unix.PidfdInfo{Mask: unix.PIDFD_INFO_EXIT}
	err := unix.IoctlPidfdInfo(int(pidfd), &info)
	if err != nil || info.Mask&unix.PIDFD_INFO_EXIT == 0 {
		return &LostStatusError{}
	}
	return &LostStatusError{Status: WaitStatus(info.Exit_code), Known: true}
}
