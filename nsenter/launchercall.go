//go:build linux && cgo

package nsenter

import (
	"errors"
	"os"
	"runtime"
	"slices"

	"golang.org/x/sys/unix"

	"nsexec/internal/sockpair"
	"nsexec/ns"
)

// connect plans a call to the launcher, and makes the socket for it.
func (l *launch) connect() (err error) {
	if l.launcher, err = l.cmd.launcher.process(); err != nil {
		return err
	}
	if err := l.launcher.checkThread(l.cmd.set); err != nil {
		return err
	}
	if l.plan, err = makePlan(l.cmd.set, l.cmd.joinMode, l.launcher.id); err != nil {
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
// joined is the same from wherever it starts.
func (p *launcherProcess) checkThread(set *ns.Set) error {
	rest := ns.All
	if set != nil {
		rest &^= set.Types()
	}
	for _, t := range rest.Types() {
		here, err := currentID(t)
		if own, ok := p.own[t]; ok && err == nil && here != own {
			return &Error{Op: "use launcher", Type: t, Err: errThreadMoved}
		}
	}
	return nil
}

// errLauncherGone is what a call meets that comes too late. Nobody has read it.
var errLauncherGone = errors.New("it has ended")

// launcherTries is how many launchers a call may find gone.
const launcherTries = 3

// call has the launcher clone a stage 0. One that has been killed meanwhile is replaced.
func (l *launch) call(files []*os.File, env []string) (err error) {
	shared := l.sharesMemory(files, env)
	defer func() {
		l.farEnd.Close()
		l.farEnd = nil
	}()
	for range launcherTries {
		err = l.launcher.send(l.channel, &l.plan, l.farEnd, shared)
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

// sharesMemory decides whether stage 0 may share the launcher's memory until it
// executes, which saves the copy. Not where that could harm the launcher: the
// kernel kills what shares memory together when memory runs out, and BeforeExec
// may put the payload where it does; credentials that change, as in a user
// namespace, make the memory dumpable, and clocks want it unshared (time_namespaces(7)).
// Nor is it for what outlives stage 0 in it, or does not fit.
func (l *launch) sharesMemory(files []*os.File, env []string) bool {
	c := l.cmd
	switch {
	case c.launcher.separate, l.plan.birth != nil && !c.launcher.trusting:
		return false
	case c.BeforeExec != nil, c.function != nil, c.Unshare != 0:
		return false
	case c.Credential != nil, c.New.KeepCapabilities, c.Init:
		return false
	case l.plan.types()&(ns.User|ns.Time) != 0 || l.plan.forks():
		return false
	}
	const perString, fixed = 4 + 1 + 8, headerSize + 8192 // what the wire and argv add; limits, processors, a root
	size := fixed + 8*len(files) + len(c.Path) + len(c.Dir)
	for _, s := range slices.Concat(c.argv(), env) {
		size += len(s) + perString
	}
	return size <= maxShared
}

// replace waits for the end of a launcher that has closed its socket, and is process then.
func (l *Launcher) replace(old *launcherProcess) (*launcherProcess, error) {
	old.end()
	return l.process()
}

// send sends a call, with the far end of its channel. A launcher that does not
// read is waited for as the channel says.
func (p *launcherProcess) send(ch *channel, plan *plan, farEnd *os.File, shared bool) (err error) {
	defer runtime.KeepAlive(farEnd)
	fds := []int{int(farEnd.Fd())}
	if plan.birth == nil {
		return p.sendFiles(ch, fds, shared)
	}
	holdErr := plan.birth.Control(func(pidNS uintptr) {
		ownErr := p.pidNS.Control(func(own uintptr) {
			err = p.sendFiles(ch, append(fds, int(pidNS), int(own)), shared)
		})
		if ownErr != nil { // somebody else has replaced it
			err = errLauncherGone
		}
	})
	return errors.Join(holdErr, err)
}

func (p *launcherProcess) sendFiles(ch *channel, fds []int, shared bool) (err error) {
	raw, err := p.socket.SyscallConn()
	if err != nil {
		return err
	}
	rawErr := raw.Control(func(socket uintptr) {
		to := &channel{fd: int(socket), ctx: ch.ctx, done: ch.done, deadline: ch.deadline}
		err = to.send(callMessage(len(fds), shared), fds)
	})
	if rawErr != nil || errors.Is(err, unix.EPIPE) || errors.Is(err, unix.ECONNRESET) {
		return errLauncherGone
	}
	return err
}

// inherit adds what the payload would have of its caller by birth. The directory,
// if there is one, is to be closed when the request has been sent.
func (l *launch) inherit(r *request) (here *os.File, err error) {
	now, err := l.launcher.inheritance()
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
