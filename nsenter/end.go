//go:build linux && cgo

package nsenter

import (
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

// discardTime bounds how long a Start that has failed waits for what it has
// killed: a task that a cgroup v1 freezer holds dies when it is thawed.
const discardTime = 150 * time.Millisecond

// discard kills and reaps what there is.
func (l *launch) discard() {
	deadline := time.Now().Add(discardTime)
	l.kill(l.stage0, deadline)
	l.findPayload(deadline)
	if l.payload != l.stage0 {
		l.kill(l.payload, deadline)
	}
	l.cmd.child, l.cmd.helper = nil, nil
}

func (l *launch) kill(p *os.Process, deadline time.Time) {
	if p == nil {
		return
	}
	_ = p.Kill()
	select {
	case <-l.reaped(p).exited:
	case <-time.After(time.Until(deadline)):
	}
}

// findPayload hears what has been said until now: stage 0 may have been killed
// between the clone and the word of it, and the clone speaks for itself.
func (l *launch) findPayload(deadline time.Time) {
	if l.channel == nil || l.payload != nil {
		return
	}
	l.channel.deafen()
	l.channel.deadline = deadline
	for l.payload == nil {
		r, from, err := l.channel.receive()
		if err != nil {
			return
		}
		l.meet(&r, &from)
		from.close()
	}
}
