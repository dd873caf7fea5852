package ns

import (
	"fmt"
	"os"
	"sync"
)

// Runner is a thread that stays inside a set of namespaces and serves functions. It spares many short functions the
// way there and back, and the caller's goroutine the lock on its own thread.
type Runner struct {
	mu     sync.Mutex // held while functions are handed over; guards closed
	work   chan []func() error
	done   chan outcome
	closed bool
}

// NewRunner starts a thread and joins all of the set's namespaces with it: net, uts, ipc, cgroup and mnt, as for
// Do. It needs the set no longer. In the other namespaces the thread is where the caller's is.
func NewRunner(s *Set) (*Runner, error) {
	r := &Runner{work: make(chan []func() error), done: make(chan outcome)}
	if err := r.start(s); err != nil {
		return nil, fmt.Errorf("start runner: %w", err)
	}
	return r, nil
}

// Runner starts a Runner in one namespace.
func (h *Handle) Runner() (*Runner, error) {
	s, err := NewSet(h)
	if err != nil {
		return nil, err
	}
	defer s.Close()
	return NewRunner(s)
}

// Do runs the functions on the runner's thread, one after the other, until one fails, and returns its error. A batch
// costs one hand-over between threads, tens of microseconds, however many functions are in it. Concurrent
// calls wait for each other; a function must not call its own runner.
//
// A panic comes through to the caller, and the runner goes on. runtime.Goexit comes through, too, but ends the
// runner's thread: the runner is closed. After Close the error matches os.ErrClosed.
func (r *Runner) Do(fns ...func() error) error {
	return r.hand(fns).resume()
}

// Close ends the thread, after the functions that it was given before. A second Close returns an error that
// matches os.ErrClosed.
func (r *Runner) Close() error {
	r.mu.Lock()
	defer r.mu.Unlock()
	if r.closed {
		return errRunnerClosed
	}
	r.closed = true
	close(r.work)
	return nil
}

var errRunnerClosed = fmt.Errorf("runner: %w", os.ErrClosed)

func (r *Runner) hand(fns []func() error) outcome {
	r.mu.Lock()
	defer r.mu.Unlock()
	if r.closed {
		return outcome{err: errRunnerClosed}
	}
	r.work <- fns
	o := <-r.done
	if o.goexit && o.panicked == nil {
		r.closed = true
	}
	return o
}

// serve runs on the runner's thread until it is closed.
func (r *Runner) serve() {
	for fns := range r.work {
		observe(func() error { return each(fns) }, func(o outcome) { r.done <- o })
	}
}

func each(fns []func() error) error {
	for _, fn := range fns {
		if err := fn(); err != nil {
			return err
		}
	}
	return nil
}
