//go:build linux && cgo

package nsenter

import (
	"errors"
	"os"
	"time"
)

// reaped is the child that p is, being waited for from the first call on.
func (l *launch) reaped(p *os.Process) *child {
	which := &l.cmd.child
	if p == l.stage0 && l.plan.forks() {
		which = &l.cmd.helper
	}
	if *which == nil {
		*which = reap(p)
	}
	return *which
}

// adopt hands the payload over to Wait.
func (l *launch) adopt() {
	l.reaped(l.payload)
	l.reaped(l.stage0)
}

// discardTime bounds how long a Start that has failed waits for each process
// that it has killed.
const discardTime = 100 * time.Millisecond

// errNotReaped: a task that a cgroup v1 freezer holds dies when it is thawed,
// and a tracer that does not wait hides its dead tracee from everybody else.
var errNotReaped = errors.New("killed, but not to be waited for: frozen, or traced")

// discard kills and reaps what there is.
func (l *launch) discard() {
	if l.stage0 != nil {
		_, _ = l.kill(l.stage0)
		l.findPayload()
	}
	if l.payload != nil && l.payload != l.stage0 {
		_, _ = l.kill(l.payload)
	}
	l.cmd.child, l.cmd.helper = nil, nil
}

// kill ends a stage, and tells how it ended: one that has closed its socket
// was about to end anyway.
func (l *launch) kill(p *os.Process) (*os.ProcessState, error) {
	_ = p.Kill()
	c := l.reaped(p)
	select {
	case <-c.exited:
		return c.state, c.err
	case <-time.After(discardTime):
		return nil, errNotReaped
	}
}

// findPayload hears what has been said until now: stage 0 may have been killed
// between the clone and the word of it, and the clone speaks for itself.
func (l *launch) findPayload() {
	l.channel.deafen()
	l.channel.deadline = time.Now().Add(discardTime)
	for l.payload == nil {
		r, from, err := l.channel.receive()
		if err != nil {
			return
		}
		l.meet(&r, &from)
		from.close()
	}
}
