package ns

import (
	"fmt"
	"runtime"
)

// start returns when the thread is inside, or has ended because it cannot get there.
func (r *Runner) start(s *Set) error {
	runtime.LockOSThread() // the other thread looks at where this one is
	defer runtime.UnlockOSThread()
	inside := make(chan error, 1)
	caller, err := thisThread()
	if err != nil {
		return err
	}
	go runLocked(make(chan outcome, 1), func() error {
		err := caller.followInto(s)
		inside <- err
		if err == nil {
			r.serve()
		}
		return nil
	})
	return <-inside
}

// followInto brings the calling thread to where the caller's is, and then into the set.
func (p place) followInto(s *Set) error {
	if _, err := p.follow(); err != nil {
		return err
	}
	here, err := thisThread()
	if err != nil {
		return err
	}
	for _, h := range s.handles { // mnt and time last
		if h == nil || here.inodes[h.t] == h.id.Ino {
			continue
		}
		if err := h.checkThread(); err != nil {
			return err
		}
		if err := h.join(); err != nil {
			return fmt.Errorf("join %v: %w", h, err)
		}
	}
	return nil
}
