//go:build linux && cgo

package nsenter

import (
	"fmt"
	"os"

	"golang.org/x/sys/unix"

	"nsexec/ns"
)

// awaitReady hears the stages until the payload is complete but for exec.
func (l *launch) awaitReady() error {
	for !l.isComplete() {
		r, from, err := l.channel.receive()
		if err != nil {
			return l.lost(Stage0, "wait for READY", err)
		}
		if err := l.hear(&r, &from); err != nil {
			return err
		}
	}
	return nil
}

// hear takes one reply, and closes what came with it.
func (l *launch) hear(r *reply, from *sender) (err error) {
	defer from.close()
	l.meet(r, from)
	switch r.kind {
	case replyStep:
		l.trace(r, from)
	case replyBooted: // awaitBoot takes it where it is expected
		err = &Error{Stage: r.stage, Op: "start payload", Errno: unix.EPROTO, Hint: "BOOTED came out of turn"}
	case replyMap:
		err = l.writeMaps(r.pid, from.pid)
	case replyReady:
		l.ready = true
		err = l.identify(from)
	case replyServing: // a launcher's, and on its own socket
		err = &Error{Stage: r.stage, Op: "start payload", Errno: unix.EPROTO, Hint: "SERVING came out of turn"}
	case replyError:
		l.ending = true
		err = r.failure()
	}
	return err
}

// meet learns which process the payload is from whatever tells it first: what
// has cloned it, or any word of its own. It may die before it says more.
func (l *launch) meet(r *reply, from *sender) {
	if l.stage0 == nil && l.launcher != nil {
		l.meetStage0(r, from)
	}
	byStage0 := l.stage0 != nil && from.pid == l.stage0.Pid
	switch {
	case r.stage == StageLauncher:
	case r.kind == replyCloned && r.pid == 0: // of the second clone, by itself
		l.payload = process(from.pid)
	case r.kind == replyCloned && byStage0 && l.plan.clones() == 2:
		l.middle = process(r.pid)
	case r.kind == replyCloned && byStage0 && l.payload == nil:
		l.payload = process(r.pid)
	case r.stage != Stage0 && l.payload == nil && l.plan.clones() == 1:
		l.payload = process(from.pid)
	}
}

// isComplete reports whether the payload is ready, and all are known that have to
// be reaped: what has cloned them may say so later than they speak themselves.
func (l *launch) isComplete() bool {
	return l.ready && l.stage0 != nil && (l.middle != nil || l.plan.clones() < 2)
}

// meetStage0 learns which process a launcher has cloned, from either.
func (l *launch) meetStage0(r *reply, from *sender) {
	switch {
	case r.kind == replyCloned && from.pid == l.launcher.pid:
		l.stage0 = process(r.pid)
	case r.stage == Stage0 || r.stage == StagePayload && !l.plan.forks():
		l.stage0 = process(l.childAbove(from.pid))
	}
	if !l.plan.forks() {
		l.payload = l.stage0
	}
}

// childAbove is the pid of stage 0, of which a helper that makes namespaces for
// it may be the first to speak.
func (l *launch) childAbove(pid int) int {
	for l.cmd.Unshare&(ns.User|ns.Time) != 0 && pid > 0 && parentOf(pid) != os.Getpid() {
		pid = parentOf(pid)
	}
	return pid
}

func (l *launch) trace(r *reply, from *sender) {
	if l.cmd.Trace == nil {
		return
	}
	// Wall clocks, since a time namespace shifts all others.
	since := r.time.Sub(l.begun.Round(0))
	l.cmd.Trace(Step{Stage: r.stage, Op: r.op, Type: r.typ, PID: from.pid, Since: since})
}

// identify makes sure that Process is the process that has said READY. Its pid
// comes from the kernel. It cannot be another's meanwhile, unless somebody
// else has waited for our child.
func (l *launch) identify(from *sender) error {
	if !l.forks() {
		return nil
	}
	if l.payload == nil || l.payload.Pid != from.pid {
		return &Error{Stage: Stage1, Op: "identify payload", Errno: unix.ESRCH,
			Hint: fmt.Sprintf("the kernel says that pid %d is ready", from.pid)}
	}
	switch {
	case l.early && isUnreaped(from):
	case l.early:
		l.children[l.payload] = lostChild(l.payload, from)
	case from.pidfd != nil && !isAlive(int(from.pidfd.Fd())):
		return l.died()
	}
	return nil
}
