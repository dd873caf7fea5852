package nsenter

import (
	"os"
	"time"
)

// child is a process of ours that the library reaps as soon as it exits: an
// unreaped process that has joined a pid namespace keeps it from ending.
type child struct {
	process *os.Process
	held    chan struct{} // closed when its pidfd is held, whatever the caller does with process
	kept    chan struct{} // closed when it may be reaped; nil: at once
	exited  chan struct{} // closed when state and err are set
	state   *os.ProcessState
	err     error
}

// letGo lets a child be reaped that was kept for what a zombie can still tell.
func (c *child) letGo() {
	if c.kept != nil {
		close(c.kept)
		c.kept = nil
	}
}

// wait returns how the process ended, as often as it is asked.
func (c *child) wait() (*os.ProcessState, error) {
	<-c.exited
	return c.state, c.err
}

// free gives up the pidfd, which a wait that has failed keeps. It is not for a
// process that somebody may be using: Release writes to Pid.
func (c *child) free() {
	if c.err == nil {
		return
	}
	pid := c.process.Pid
	_ = c.process.Release()
	c.process.Pid = pid
}

// endsWithin waits for its end, for so long at most.
func (c *child) endsWithin(d time.Duration) bool {
	select {
	case <-c.exited:
		return true
	case <-time.After(d):
		return false
	}
}

func (c *child) settle(state *os.ProcessState, err error) {
	c.state, c.err = state, err
	close(c.exited)
}
