//go:build linux && cgo

package nsenter

import (
	"context"
	"errors"
	"fmt"
	"os"
	"runtime"
	"time"

	"golang.org/x/sys/unix"

	"nsexec/internal/cgroup"
	"nsexec/ns"
)

// launch is one Start on its way, from stage 0 to exec.
type launch struct {
	cmd     *Cmd
	mode    joinMode
	ctx     context.Context
	plan    plan
	begun   time.Time
	channel *channel
	stage0  *os.Process // by a launcher: nil until it or the launcher has spoken
	middle  *os.Process // between a pid namespace joined and one created in it
	payload *os.Process // stage 0 itself, or its clone once that is known

	helpers  *mapHelpers
	children map[*os.Process]*child
	launcher *launcherProcess // nil: one-shot
	farEnd   *os.File         // of the channel, until the launcher has it
	place    cgroup.Place     // where BeforeExec has put the payload
	called   bool             // the launcher has it
	worker   *workers         // one of them has the call, by this number
	number   uint64

	early    bool // GO has been sent, whether or not READY has come
	ready    bool // READY has come
	executed bool
	ending   bool // the stages know that they are to end
}

// launch brings the payload to the point where its program executes.
func (c *Cmd) launch(files []*os.File, env []string) error {
	l, err := c.launchBy(c.joinMode, files, env)
	if c.joinMode == joinAuto && l.plan.byProcess && isUnknownJoin(err) {
		l, err = c.launchBy(joinByHandles, files, env)
	}
	l.blameTarget(err) // now that nothing is left that could keep it from ending
	return err
}

// launchBy is launch with one way of joining.
//
// The goroutine keeps its thread until then. The stages die with it (their
// parent-death signal is tied to a thread, not to a process), and it is the
// thread whose namespaces stage 0 inherits.
func (c *Cmd) launchBy(mode joinMode, files []*os.File, env []string) (*launch, error) {
	l := &launch{cmd: c, mode: mode, ctx: c.context(), begun: time.Now(), children: make(map[*os.Process]*child)}
	defer l.end() // also when BeforeExec panics
	runtime.LockOSThread()
	defer runtime.UnlockOSThread()
	if err := l.run(files, env); err != nil {
		return l, explain(err, l.scene())
	}
	l.executed = true
	return l, nil
}

// end hands the payload over to Wait, or leaves nothing behind.
func (l *launch) end() {
	if l.executed {
		l.adopt()
	} else {
		l.discard()
	}
	l.leaveWorker()
	if l.channel != nil {
		l.channel.close()
	}
	if l.farEnd != nil {
		l.farEnd.Close()
	}
	l.plan.close()
}

func (l *launch) run(files []*os.File, env []string) (err error) {
	if err := l.cmd.checkNew(); err != nil {
		return err
	}
	if l.helpers, err = l.cmd.findMapHelpers(); err != nil {
		return err
	}
	if err := l.begin(); err != nil {
		return err
	}
	stop, err := l.channel.watch(l.ctx)
	if err != nil {
		return callerError("watch context", "", err)
	}
	defer stop()
	l.channel.deadline = l.cmd.startDeadline()
	if l.launcher != nil {
		if err := l.call(files, env); err != nil {
			return err
		}
	}
	if err := l.ask(files, env); err != nil {
		return err
	}
	if err := l.checkThread(); err != nil {
		return err
	}
	if err := l.releaseEarly(); err != nil {
		return err
	}
	if err := l.awaitReady(); err != nil {
		return err
	}
	l.endStages()
	if err := l.beforeExec(); err != nil {
		return err
	}
	if !l.early {
		if err := l.release(); err != nil {
			return err
		}
	}
	if l.cmd.function == nil {
		return l.awaitExec()
	}
	if err := l.awaitBoot(); err != nil {
		return err
	}
	return l.cmd.function.take(l)
}

// begin plans and starts stage 0: on the thread that the payload is to die with,
// if it is.
func (l *launch) begin() (err error) {
	if l.cmd.launcher != nil {
		return l.connect()
	}
	work := func() {
		if l.plan, err = makePlan(l.cmd.set, l.mode, currentID); err == nil {
			l.plan.create = l.cmd.Unshare
			err = l.spawn()
		}
	}
	if !l.cmd.KillOnExit {
		work()
		return err
	}
	here := namespacesHere()
	onLastingThread(func() {
		if err = checkSameThere(here, namespacesHere()); err == nil {
			work()
		}
	})
	return err
}

// spawn starts stage 0.
func (l *launch) spawn() (err error) {
	l.stage0, l.channel, err = spawnStage0(l.plan.exposes())
	if err == nil && !l.plan.forks() {
		l.payload = l.stage0
	}
	return err
}

// ask sends the request. A stage 0 that has ended early has mostly said why.
func (l *launch) ask(files []*os.File, env []string) error {
	q := &asking{cmd: l.cmd, plan: &l.plan, files: files, env: env, helpers: l.helpers}
	if l.launcher != nil {
		q.inherit = l.inherit
	}
	err := q.send(l.channel)
	if errors.Is(err, unix.EPIPE) || errors.Is(err, unix.ECONNRESET) {
		return nil
	}
	var e *Error
	if err == nil || errors.As(err, &e) {
		return err
	}
	return l.lost(Stage0, "send request", err)
}

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

// process is nil for a pid that is none.
func process(pid int) *os.Process {
	if pid <= 0 {
		return nil
	}
	p, _ := os.FindProcess(pid) // on Unix it always succeeds
	return p
}

// areHelpers tells whether the process to be mapped, and the one that asks for
// that, are stage 0's: whatever else speaks on the channel must not choose whom
// newuidmap is run for.
func (l *launch) areHelpers(owner, maker int) bool {
	return l.stage0 != nil && parentOf(owner) == maker && parentOf(maker) == l.stage0.Pid
}

// writeMaps lets newuidmap and newgidmap do it, and stage 0 go on.
func (l *launch) writeMaps(owner, maker int) error {
	if l.helpers == nil && l.cmd.mapped == nil || !l.areHelpers(owner, maker) {
		return callerError("write maps", "", unix.EPROTO)
	}
	if err := l.mapOwner(owner); err != nil {
		_, _ = l.channel.sendSome([]byte{0}, nil) // anything but GO
		l.ending = true
		return err
	}
	_, err := l.channel.sendSome(goMessage(lateInheritance{}), nil)
	return err
}

func (l *launch) mapOwner(pid int) error {
	write := l.writeMapsDirectly
	if l.helpers != nil {
		write = l.runMapHelpers
	}
	if err := write(pid); err != nil || l.cmd.mapped == nil {
		return err
	}
	return l.cmd.mapped(pid)
}

func (l *launch) trace(r *reply, from *sender) {
	if l.cmd.Trace == nil {
		return
	}
	// Wall clocks, since a time namespace shifts all others.
	since := r.time.Sub(l.begun.Round(0))
	l.cmd.Trace(Step{Stage: r.stage, Op: r.op, Type: r.typ, PID: from.pid, Since: since})
}

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

// forks reports whether the payload has been cloned from what it executes.
func (l *launch) forks() bool { return l.launcher != nil || l.plan.forks() }

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
