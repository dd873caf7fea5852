//go:build linux && cgo

package nsenter

import (
	"errors"

	"golang.org/x/sys/unix"
)

// releaseEarly sends GO where nobody is to act before exec, which saves a trip to
// the caller and back. The payload can still be identified although it may have
// ended by then, since its zombie waits for us. Whoever writes maps is asked for
// another GO before.
func (l *launch) releaseEarly() error {
	mapped := l.helpers != nil || l.cmd.mapped != nil
	if l.cmd.BeforeExec != nil || l.cmd.Trace != nil || mapped || !leavesZombies() {
		return nil
	}
	l.early = true
	return l.sendGO(Stage0)
}

// beforeExec lets the caller act on a payload that waits. It may take as long
// as it likes.
func (l *launch) beforeExec() error {
	l.cmd.Process = l.payload
	if l.cmd.BeforeExec == nil {
		return nil
	}
	if err := l.cmd.BeforeExec(l.payload.Pid); err != nil {
		return &Error{Stage: StagePayload, Op: "prepare", Err: err}
	}
	l.notePlace()
	l.channel.deadline = l.cmd.startDeadline()
	return nil
}

// endStages ends those that have cloned all that they were to clone. The payload alone
// may have the other end of the channel from now on: the end of file is to tell that it
// executes, and not to wait for a stage that somebody has stopped.
func (l *launch) endStages() {
	for _, p := range l.processes() {
		if p != l.payload {
			_ = p.Kill()
		}
	}
}

// release lets the payload go on.
func (l *launch) release() error {
	if err := l.channel.expired(); err != nil {
		return l.lost(StagePayload, "send GO", err)
	}
	return l.sendGO(StagePayload)
}

// sendGO tells a stage, or who it becomes, to execute.
func (l *launch) sendGO(to Stage) error {
	in, err := l.inheritLate()
	if err != nil {
		return err
	}
	if _, err := l.channel.sendSome(goMessage(in), nil); err != nil && !errors.Is(err, unix.EPIPE) {
		return l.lost(to, "send GO", err)
	}
	return nil
}

// awaitExec waits for the end of file: the payload's end of the socket is
// close-on-exec, so its program runs, or it has died; before it has read GO, if
// that is a reset.
func (l *launch) awaitExec() error {
	l.watch(l.payload) // while it executes, which takes longer
	for {
		r, from, err := l.channel.receive()
		if isEnd(err) {
			return l.checkExecuted()
		}
		if err != nil {
			return l.lost(StagePayload, "wait for exec", err)
		}
		if err := l.hear(&r, &from); err != nil {
			return err
		}
	}
}

// checkExecuted tells a payload that was killed before exec from a program that
// has run and was killed. Between GO and exec nothing ends it but a signal. An
// init executes nothing, and ends as its program does.
func (l *launch) checkExecuted() error {
	if l.cmd.Init || !diesUnexecuted(l.payload.Pid, l.forks()) {
		return nil
	}
	state, err := l.kill(l.payload)
	if err == nil && state.Exited() && !l.forks() {
		return nil // a program that has given itself a stage's title
	}
	how := "it was killed"
	if err == nil {
		how = describeEnd(state)
	}
	return &Error{Stage: StagePayload, Op: "exec", Path: l.cmd.Path, Err: errors.New(how + " before that"),
		Hint: l.killedHint(state), killed: err != nil || wasKilled(state)}
}
