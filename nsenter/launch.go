//go:build linux && cgo

package nsenter

import (
	"context"
	"errors"
	"os"
	"runtime"
	"time"

	"golang.org/x/sys/unix"

	"nsexec/internal/cgroup"
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

// process is nil for a pid that is none.
func process(pid int) *os.Process {
	if pid <= 0 {
		return nil
	}
	p, _ := os.FindProcess(pid) // on Unix it always succeeds
	return p
}

// forks reports whether the payload has been cloned from what it executes.
func (l *launch) forks() bool { return l.launcher != nil || l.plan.forks() }
