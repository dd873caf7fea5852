package nsenter

import (
	"os"
	"sync"
	"sync/atomic"
	"time"
)

// child is a process of ours that the library reaps as soon as it exits: an
// unreaped process that has joined a pid namespace keeps it from ending.
type child struct {
	process *os.Process
	pid     int           // also when the caller has released the process
	taken   atomic.Bool   // somebody waits
	later   *time.Timer   // begins to wait if nobody does by then; nil: somebody will
	kept    chan struct{} // closed when it may be reaped
	release sync.Once     // of kept
	exited  chan struct{} // closed when state and err are set
	state   *os.ProcessState
	err     error
}

func newChild(p *os.Process) *child {
	return &child{process: p, pid: p.Pid, kept: make(chan struct{}), exited: make(chan struct{})}
}

// take tells the first who asks that nobody waits yet: it is for him to do.
func (c *child) take() bool { return !c.taken.Swap(true) }

// takeEarly is take, before what would do it later.
func (c *child) takeEarly() bool {
	if c.later != nil {
		c.later.Stop()
	}
	return c.take()
}

// waitBehind lets a goroutine wait, if nobody does yet.
func (c *child) waitBehind() {
	if c.takeEarly() {
		go c.waitInPoller()
	}
}

// letGo lets a child be reaped that was kept for what a zombie can still tell.
func (c *child) letGo() {
	c.release.Do(func() { close(c.kept) })
}

// wait returns how the process ended, as often as it is asked.
func (c *child) wait() (*os.ProcessState, error) {
	if c.takeEarly() {
		c.waitHere()
	}
	<-c.exited
	return c.state, c.err
}

// free gives up the pidfd, which a wait that has failed keeps. It is not for a
// process that somebody may be using: Release writes to Pid.
func (c *child) free() {
	if c.err == nil {
		return
	}
	_ = c.process.Release()
	c.process.Pid = c.pid
}

// endsWithin waits for its end, for so long at most.
func (c *child) endsWithin(d time.Duration) bool {
	c.waitBehind()
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
