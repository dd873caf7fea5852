//go:build linux && cgo

package nsenter

import (
	"errors"
	"os"
	"time"

	"golang.org/x/sys/unix"

	"nsexec/internal/procfs"
	"nsexec/internal/sockpair"
	"nsexec/ns"
)

// launcherProcess is a launcher that runs, or has run.
type launcherProcess struct {
	pid     int // as long as it is ours: child.free changes the process's for a moment
	process *os.Process
	child   *child
	socket  *os.File
	workers workers
	status  *os.File          // see Launcher
	born    inheritance       // what it has of the caller
	own     map[ns.Type]ns.ID // the namespaces that it is in
	pidNS   *ns.Handle        // its pid namespace, if it can leave that for the time of a clone
}

// startLauncher returns when the launcher serves. It is started by a thread that
// ends only with the process: its payloads have that for a parent, and die with
// it until they are released.
func startLauncher(l *Launcher) (p *launcherProcess, err error) {
	if l.status == nil {
		if l.status, err = procfs.OpenSelf("status"); err != nil {
			return nil, callerError("open", "/proc/self/status", err)
		}
	}
	p = &launcherProcess{status: l.status}
	onLastingThread(func() { err = p.start() })
	if err == nil {
		err = p.awaitServing(l.timeout)
	}
	if err != nil {
		p.close()
		return nil, err
	}
	return p, nil
}

// start is called on the lasting thread.
func (p *launcherProcess) start() (err error) {
	if p.born, err = inheritanceNow(); err != nil {
		return err
	}
	p.own = namespacesHere()
	callers, stages, err := sockpair.New()
	if err != nil {
		return callerError("make socket", "", err)
	}
	defer stages.Close()
	p.socket = callers
	if p.process, err = startStage0(launcherName, stages, true); err != nil {
		return err
	}
	p.pid = p.process.Pid
	p.child = reap(p.process)
	return p.workers.start(callers)
}

func (p *launcherProcess) awaitServing(timeout time.Duration) error {
	ch := newChannel(p.socket)
	ch.deadline = time.Now().Add(timeout)
	r, from, err := ch.receive()
	if err != nil {
		return p.lost("start launcher", err)
	}
	from.close()
	switch {
	case from.pid != p.pid || r.kind != replyServing && r.kind != replyError:
		return &Error{Stage: StageLauncher, Op: "start launcher", Errno: unix.EPROTO}
	case r.kind == replyError:
		return r.failure()
	}
	p.workers.count = int32(r.detail)
	if r.pid == 0 {
		return nil
	}
	if p.pidNS, err = ns.OpenPID(os.Getpid(), ns.PID); err != nil {
		return callerError("open own pid namespace", "", err)
	}
	return nil
}

// lost is the error for a launcher that does not answer, or cannot be heard. It is gone then.
func (p *launcherProcess) lost(op string, err error) error {
	e := &Error{Stage: StageLauncher, Op: op, Err: err, Hint: heldHint(p.pid)}
	state, ended := p.stop()
	switch {
	case errors.Is(err, os.ErrDeadlineExceeded):
		e.Hint = also("LauncherTimeout has passed", e.Hint)
	case !isEnd(err):
		return callerError(op, "", err)
	case ended:
		e.Err = errors.New(describeEnd(state))
		e.Hint = refusals[state.ExitCode()]
	default:
		e.Err = errNotReaped
	}
	return e
}

// stop kills it, and tells how it has ended if that is known.
func (p *launcherProcess) stop() (state *os.ProcessState, ended bool) {
	_ = p.process.Kill()
	if !p.child.endsWithin(discardTime) {
		return nil, false
	}
	return p.child.state, p.child.err == nil
}

// end lets it end by itself, which it does at once when its socket is closed
// unless something holds it.
func (p *launcherProcess) end() {
	if !p.child.endsWithin(discardTime) {
		_, _ = p.stop()
	}
}

func (p *launcherProcess) hasEnded() bool {
	select {
	case <-p.child.exited:
		return true
	default:
		return false
	}
}

// close gives up all that there is of it.
func (p *launcherProcess) close() {
	if p.socket != nil {
		p.socket.Close()
	}
	p.workers.close()
	if p.pidNS != nil {
		p.pidNS.Close()
	}
	if p.child == nil {
		return
	}
	p.end()
	if p.hasEnded() {
		p.child.free()
	}
}
