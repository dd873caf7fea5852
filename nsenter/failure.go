//go:build linux && cgo

package nsenter

import (
	"errors"
	"fmt"
	"io"
	"os"
	"strings"
	"time"

	"golang.org/x/sys/unix"

	"nsexec/ns"
)

// lost is the error for a channel that has gone quiet. A context's end and a
// deadline look the same to it, and the end of file means that a stage has ended.
func (l *launch) lost(stage Stage, op string, err error) error {
	if l.launcher != nil && l.stage0 == nil {
		stage = StageLauncher
	}
	switch {
	case l.ctx.Err() != nil:
		return l.late(&Error{Stage: stage, Op: op, Err: l.ctx.Err(), Hint: l.heldHint()})
	case errors.Is(err, os.ErrDeadlineExceeded):
		return l.late(&Error{Stage: stage, Op: op, Err: os.ErrDeadlineExceeded, Hint: also("StartTimeout has passed", l.heldHint())})
	case isEnd(err):
		return l.ended(stage, op)
	}
	return callerError(op, "", err)
}

// late says who is waited for: stage 1, once it is known, or a launcher that somebody
// has stopped while it has a word to say, or a file to close.
func (l *launch) late(e *Error) *Error {
	switch {
	case l.launcher != nil && l.launcher.isStopped():
		e.Stage = StageLauncher
		if hint := heldHint(l.launcher.pid); !strings.Contains(e.Hint, hint) {
			e.Hint = also(e.Hint, hint)
		}
	case e.Stage == Stage0 && l.payload != nil && l.payload != l.stage0:
		e.Stage = Stage1
	}
	return e
}

// isEnd tells that no stage has the other end any more; ECONNRESET that, what is
// more, the last one has not read all that it was sent.
func isEnd(err error) bool { return errors.Is(err, io.EOF) || errors.Is(err, unix.ECONNRESET) }

// died is the error for a payload that is dead although it was ready: what it has said
// since, or how it has ended.
func (l *launch) died() error {
	for {
		r, from, err := l.channel.receive()
		if err != nil {
			break
		}
		from.close()
		if r.kind == replyError {
			return r.failure()
		}
	}
	e := &Error{Stage: StagePayload, Op: "identify payload", Err: errDied}
	if state, err := l.kill(l.payload); err == nil {
		e.Err = errors.New(describeEnd(state))
		e.killed = wasKilled(state)
	}
	return e
}

var errDied = errors.New("it has died")

func wasKilled(state *os.ProcessState) bool {
	status, ok := state.Sys().(WaitStatus)
	return ok && status.Signaled()
}

// blameTarget tells an error that may be what comes of the target's end: when the first
// process of a pid namespace ends, all others in it are killed, and no more are born.
func (l *launch) blameTarget(err error) {
	var e *Error
	if !errors.As(err, &e) || l.cmd.set == nil {
		return
	}
	noMore := e.Op == "clone" && e.Errno == unix.ENOMEM
	if (e.killed || noMore || errors.Is(e.Err, errDied)) && hasEnded(l.cmd.set) {
		e.targetGone = true
		e.Hint = "the target has exited, and with it the pid namespace's first process"
	}
}

// hasEnded waits a moment for what is taken along by a first process, which itself is
// exiting for as long as one of the others is there.
func hasEnded(set *ns.Set) (ended bool) {
	_ = set.Process(func(pid int, pidfd uintptr) {
		for deadline := time.Now().Add(discardTime / 2); !ended && time.Now().Before(deadline); {
			n, err := unix.Poll([]unix.PollFd{{Fd: int32(pidfd), Events: unix.POLLIN}}, 1)
			ended = err == nil && n > 0 || isExiting(pid)
		}
	})
	return ended
}

func isExiting(pid int) bool {
	s, err := statOf(pid)
	return err == nil && s.flags&exiting != 0
}

// ended is the error for a stage that is gone without having said why.
func (l *launch) ended(stage Stage, op string) error {
	if l.stage0 == nil {
		return l.launcher.lost(op, io.EOF)
	}
	state, err := l.kill(l.stage0)
	if err == nil && state.Success() && l.payload != nil && l.payload != l.stage0 {
		stage = Stage1
		state, err = l.kill(l.payload)
	}
	e := &Error{Stage: stage, Op: op, Err: err}
	if err == nil {
		e.Err = errors.New(describeEnd(state))
		e.Hint = l.endHint(state)
		e.killed = wasKilled(state)
	}
	return e
}

// describeEnd is about a process that should not have ended. A bare "exit status"
// would be taken for the program's.
func describeEnd(state *os.ProcessState) string {
	if status, ok := state.Sys().(WaitStatus); ok && status.Signaled() {
		return "it was killed by " + signalName(status.Signal())
	}
	return fmt.Sprintf("it has ended with code %d", state.ExitCode())
}

// signalName: those from 32 on are real-time signals, which have none.
func signalName(s unix.Signal) string {
	if name := unix.SignalName(s); name != "" {
		return name
	}
	return s.String()
}

// endHint says why a stage has ended, where it could not.
func (l *launch) endHint(state *os.ProcessState) string {
	if hint := refusals[state.ExitCode()]; hint != "" {
		return hint
	}
	return l.killedHint(state)
}
