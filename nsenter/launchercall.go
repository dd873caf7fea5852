//go:build linux && cgo

package nsenter

import (
	"errors"
	"os"
	"runtime"

	"golang.org/x/sys/unix"

	"nsexec/internal/sockpair"
	"nsexec/ns"
)

// connect plans a call to the launcher, and makes the socket for it.
func (l *launch) connect() (err error) {
	if l.launcher, err = l.cmd.launcher.process(); err != nil {
		return err
	}
	if l.plan, err = makePlan(l.cmd.set, l.mode, l.launcher.id); err != nil {
		return err
	}
	l.plan.create = l.cmd.Unshare
	if l.launcher.pidNS != nil {
		l.plan.bearInside()
	}
	callers, stages, err := sockpair.New()
	if err != nil {
		return callerError("make socket", "", err)
	}
	l.channel, l.farEnd = newChannel(callers), stages
	return nil
}

// id is the launcher's namespace of that type.
func (p *launcherProcess) id(t ns.Type) (ns.ID, error) {
	id, ok := p.own[t]
	if !ok {
		return id, unix.ENOENT
	}
	return id, nil
}

// checkThread refuses a thread that a payload would not start from. What is
// joined is the same from wherever it starts; and a user namespace is the whole
// program's, since no thread of several can leave it (unshare(2), setns(2)).
// Each look takes 6 us: that is why it is done while the payload is on its way
// to where it waits for GO.
func (l *launch) checkThread() error {
	if l.launcher == nil {
		return nil
	}
	rest := ns.All &^ ns.User
	if l.cmd.set != nil {
		rest &^= l.cmd.set.Types()
	}
	for _, t := range rest.Types() {
		here, err := currentID(t)
		if own, ok := l.launcher.own[t]; ok && err == nil && here != own {
			return &Error{Op: "use launcher", Type: t, Err: errThreadMoved}
		}
	}
	return nil
}

// errLauncherGone is what a call meets that comes too late. Nobody has read it.
var errLauncherGone = errors.New("it has ended")

// launcherTries is how many launchers a call may find gone.
const launcherTries = 3

// call has the launcher start a stage 0. One that has been killed meanwhile is replaced.
func (l *launch) call(files []*os.File, env []string) (err error) {
	defer func() {
		l.farEnd.Close()
		l.farEnd = nil
	}()
	for range launcherTries {
		err = l.callOnce(files, env)
		if err == nil {
			l.called = true
			return nil
		}
		if !errors.Is(err, errLauncherGone) {
			return l.lost(StageLauncher, "send call", err)
		}
		if l.launcher, err = l.cmd.launcher.replace(l.launcher); err != nil {
			return err
		}
		if l.plan.birth != nil && l.launcher.pidNS == nil {
			break // planned for one with privileges that this one has not
		}
	}
	return &Error{Stage: StageLauncher, Op: "send call", Err: errLauncherGone}
}

func (l *launch) callOnce(files []*os.File, env []string) error {
	to, kind := l.launcher.socket, callClone
	if l.takeWorker(files, env) {
		to, kind = l.launcher.workers.socket, callWorker
	}
	return l.withCallFDs(func(fds []int) error {
		return l.deliver(to, callMessage(kind, len(fds), l.number), fds)
	})
}

// replace waits for the end of a launcher that has closed its socket, and is process then.
func (l *Launcher) replace(old *launcherProcess) (*launcherProcess, error) {
	old.end()
	return l.process()
}

// withCallFDs calls fn with what travels with a call itself: the far end of the channel and,
// for who is to be born elsewhere, the pid namespaces there and here.
func (l *launch) withCallFDs(fn func(fds []int) error) (err error) {
	defer runtime.KeepAlive(l.farEnd)
	fds := []int{int(l.farEnd.Fd())}
	if l.plan.birth == nil {
		return fn(fds)
	}
	holdErr := l.plan.birth.Control(func(pidNS uintptr) {
		ownErr := l.launcher.pidNS.Control(func(own uintptr) {
			err = fn(append(fds, int(pidNS), int(own)))
		})
		if ownErr != nil { // somebody else has replaced it
			err = errLauncherGone
		}
	})
	return errors.Join(holdErr, err)
}

// deliver sends a message to the launcher. One that does not read is waited for as the channel says.
func (l *launch) deliver(to *os.File, message []byte, fds []int) (err error) {
	raw, err := to.SyscallConn()
	if err != nil {
		return err
	}
	rawErr := raw.Control(func(socket uintptr) {
		ch := &channel{fd: int(socket), ctx: l.channel.ctx, done: l.channel.done, deadline: l.channel.deadline}
		_, err = ch.sendSome(message, fds)
	})
	if rawErr != nil || errors.Is(err, unix.EPIPE) || errors.Is(err, unix.ECONNRESET) {
		return errLauncherGone
	}
	return err
}

// inherit adds what the payload would have of its caller by birth. The directory,
// if there is one, is to be closed when the request has been sent.
func (l *launch) inherit(r *request) (here *os.File, err error) {
	now, err := inheritanceNow()
	if err != nil {
		return nil, err
	}
	r.inherited = now.since(&l.launcher.born)
	if now.dir != (directory{}) && now.dir == l.launcher.born.dir { // which may be closed to us by now
		return nil, nil
	}
	fd, err := unix.Open(".", unix.O_PATH|unix.O_CLOEXEC, 0)
	if err != nil {
		return nil, callerError("open working directory", "", err)
	}
	r.inherited.here = r.add(fd)
	return os.NewFile(uintptr(fd), "."), nil
}
