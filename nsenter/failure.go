//go:build linux && cgo

package nsenter

import (
	"errors"
	"fmt"
	"io"
	"os"
	"time"

	"golang.org/x/sys/unix"
)

// lost is the error for a channel that has gone quiet. A context's end and a
// deadline look the same to it, and the end of file means that a stage has ended.
func (l *launch) lost(stage Stage, op string, err error) error {
	switch {
	case l.ctx.Err() != nil:
		return &Error{Stage: stage, Op: op, Err: l.ctx.Err()}
	case errors.Is(err, os.ErrDeadlineExceeded):
		return &Error{Stage: stage, Op: op, Err: os.ErrDeadlineExceeded, Hint: "StartTimeout has passed"}
	case errors.Is(err, io.EOF), errors.Is(err, unix.ECONNRESET):
		return l.ended(stage, op)
	}
	return l.broken(op, err)
}

// ended is the error for a stage that is gone without having said why.
func (l *launch) ended(stage Stage, op string) error {
	state, err := l.endOf(l.stage0)
	if err == nil && state.Success() && l.payload != nil {
		stage = Stage1
		state, err = l.endOf(l.payload)
	}
	e := &Error{Stage: stage, Op: op, Err: err}
	if err == nil {
		e.Err = fmt.Errorf("it has ended: %v", state)
		e.Hint = refusals[state.ExitCode()]
	}
	return e
}

// endOf reaps a stage that has closed its socket, so is about to end.
func (l *launch) endOf(p *os.Process) (*os.ProcessState, error) {
	_ = p.Kill()
	return l.reaped(p).wait()
}

// reaped is the child that p is, being waited for from the first call on.
func (l *launch) reaped(p *os.Process) *child {
	c := l.cmd
	if c.helper == nil && p == l.stage0 && l.plan.forks() {
		c.helper = reap(p)
	}
	if p == l.stage0 && l.plan.forks() {
		return c.helper
	}
	if c.child == nil {
		c.child = reap(p)
	}
	return c.child
}

// broken is for what should not happen on the caller's side.
func (l *launch) broken(op string, err error) error {
	return callerError(op, "", err)
}

// adopt hands the payload over to Wait.
func (l *launch) adopt() {
	l.reaped(l.payload)
	l.reaped(l.stage0)
}

// discardTime bounds how long a Start that has failed waits for what it has
// killed: a task that a cgroup v1 freezer holds dies when it is thawed.
const discardTime = 100 * time.Millisecond

// discard kills and reaps what there is.
func (l *launch) discard() {
	timeout := time.NewTimer(discardTime)
	defer timeout.Stop()
	for _, p := range []*os.Process{l.stage0, l.payload} {
		if p == nil {
			continue
		}
		_ = p.Kill()
		select {
		case <-l.reaped(p).exited:
		case <-timeout.C:
			return
		}
	}
}
