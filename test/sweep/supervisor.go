//go:build linux && cgo

package main

import (
	"errors"
	"sync"
	"time"

	"golang.org/x/sys/unix"
)

// delay is how long a call takes that is to be slow.
const delay = 50 * time.Millisecond

// supervisor answers for the kernel, and keeps a record of the case that runs.
type supervisor struct {
	listener listener
	caller   int // its pid
	target   int
	ended    chan struct{} // closed when nobody has the filter any more
	delayed  sync.WaitGroup

	mu     sync.Mutex
	record *record // nil: between cases
}

func supervise(fd, caller, target int) *supervisor {
	s := &supervisor{listener: listener(fd), caller: caller, target: target, ended: make(chan struct{})}
	go s.run()
	return s
}

// watch begins a case; nil ends it.
func (s *supervisor) watch(r *record) {
	s.mu.Lock()
	defer s.mu.Unlock()
	s.record = r
}

// awaitRest waits for what happens beside Start, and is of this case: a call that is delayed, and a launcher's worker on
// its way back to where it waits for calls, unless it is stopped there or has ended.
func (s *supervisor) awaitRest() {
	s.delayed.Wait()
	_ = eventually(func() string {
		s.mu.Lock()
		defer s.mu.Unlock()
		r := s.record
		if r.isAtRest() || r.hit != nil && (r.fault.Kind == Stop || r.fault.Kind == Kill) {
			return ""
		}
		return "on its way"
	})
}

func (s *supervisor) run() {
	defer close(s.ended)
	defer unix.Close(int(s.listener))
	for {
		n, err := s.listener.receive()
		switch {
		case err == nil:
			s.answer(n)
		case !errors.Is(err, unix.ENOENT) && !errors.Is(err, unix.EINTR):
			return
		}
	}
}

func (s *supervisor) answer(n *notification) {
	s.mu.Lock()
	defer s.mu.Unlock()
	if s.record == nil {
		_ = s.listener.proceed(n)
		return
	}
	c, hit := s.record.note(n)
	if !hit {
		_ = s.listener.proceed(n)
		return
	}
	if err := s.inject(n, s.record.fault); err != nil { // a signal has interrupted it, and it comes again
		s.record.forget(n, c)
	}
}

// inject does what is to go wrong. A process that is stopped makes the call when it goes on.
func (s *supervisor) inject(n *notification, f *fault) error {
	switch f.Kind {
	case Fail:
		return s.listener.fail(n, f.Errno)
	case Delay:
		s.delayed.Add(1)
		time.AfterFunc(delay, func() {
			defer s.delayed.Done()
			_ = s.listener.proceed(n)
		})
	case Kill:
		return unix.Kill(int(n.pid), unix.SIGKILL)
	case Stop:
		return unix.Kill(int(n.pid), unix.SIGSTOP)
	case KillCaller:
		err := unix.Kill(s.caller, unix.SIGKILL)
		_ = s.listener.proceed(n)
		return err
	case KillTarget:
		go s.outliveTarget(n, s.record)
	}
	return nil
}

// outliveTarget kills it, and waits until it is gone; but not for ever: what is to go on may be what its pid namespace
// waits for.
func (s *supervisor) outliveTarget(n *notification, r *record) {
	_ = unix.Kill(s.target, unix.SIGKILL)
	for deadline := time.Now().Add(settleTime); isAlive(s.target) && time.Now().Before(deadline); {
		time.Sleep(time.Millisecond)
	}
	s.mu.Lock()
	defer s.mu.Unlock()
	r.isOutlived = !isAlive(s.target)
	_ = s.listener.proceed(n)
}
