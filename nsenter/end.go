//go:build linux && cgo

package nsenter

import (
	"errors"
	"os"
	"slices"
	"time"

	"golang.org/x/sys/unix"

	"nsexec/internal/procfs"
	"nsexec/ns"
)

// watch begins to wait for a child that is to stay a zombie until reaped is called.
func (l *launch) watch(p *os.Process) *child {
	if l.children[p] == nil {
		l.children[p] = reapLater(p, l.cmd.runs)
	}
	return l.children[p]
}

// reaped is the child that p is, to be reaped as soon as it exits.
func (l *launch) reaped(p *os.Process) *child {
	c := l.watch(p)
	c.letGo()
	return c
}

// processes are all that there are, in the order in which they came to be.
func (l *launch) processes() []*os.Process {
	var all []*os.Process
	for _, p := range []*os.Process{l.stage0, l.middle, l.payload} {
		if p != nil && !slices.Contains(all, p) {
			all = append(all, p)
		}
	}
	return all
}

// adopt hands the payload over to Wait, and the stages that are no more.
func (l *launch) adopt() {
	for _, p := range l.processes() {
		if c := l.reaped(p); p == l.payload {
			l.cmd.child = c
		} else {
			l.cmd.stages = append(l.cmd.stages, c)
		}
	}
}

// discardTime bounds how long a Start that has failed waits for each process
// that it has killed.
const discardTime = 100 * time.Millisecond

// errNotReaped: a task that a cgroup v1 freezer holds dies when it is thawed,
// and a tracer that does not wait hides its dead tracee from everybody else.
var errNotReaped = errors.New("killed, but not to be waited for: frozen, or traced")

// discard kills and reaps what there is. A stage 0 that is about to end may do so
// by itself, since it reaps what it has started before.
func (l *launch) discard() {
	if l.launcher != nil && (l.stage0 == nil || l.launcher.isStopped()) {
		l.seekStage0()
	}
	l.discardFound()
}

func (l *launch) discardFound() {
	if len(l.processes()) == 0 {
		return
	}
	if l.stage0 != nil {
		if l.ending {
			l.await(l.stage0)
		}
		l.killHelpers()
		_, _ = l.kill(l.stage0)
		l.findPayload()
	}
	for _, p := range l.processes() {
		if _, err := l.kill(p); !errors.Is(err, errNotReaped) {
			l.reaped(p).free()
		}
	}
}

// killHelpers ends those of a stage 0 that makes namespaces. They die with it, but
// for one that somebody has stopped before it could ask for that.
func (l *launch) killHelpers() {
	if l.cmd.Unshare&(ns.User|ns.Time) != 0 {
		killChildren(l.stage0)
	}
}

// killChildren kills what a process has started. It is stopped first, so that it starts
// no more. That its handle takes a signal shows that it has not been reaped: until then
// nobody else has its number, nor its children.
func killChildren(p *os.Process) {
	if p.Signal(unix.SIGSTOP) != nil {
		return
	}
	for _, pid := range procfs.Children(p.Pid) {
		child := process(pid)
		if parentOf(pid) == p.Pid && p.Signal(unix.SIGSTOP) == nil {
			killChildren(child)
			_ = child.Kill()
		}
		_ = child.Release()
	}
}

// kill ends a stage, and tells how it ended: one that has closed its socket
// was about to end anyway.
func (l *launch) kill(p *os.Process) (*os.ProcessState, error) {
	_ = p.Kill()
	if !l.await(p) {
		return nil, errNotReaped
	}
	c := l.reaped(p)
	return c.state, c.err
}

// await reports whether a stage has ended within discardTime.
func (l *launch) await(p *os.Process) bool {
	return l.reaped(p).endsWithin(discardTime)
}

// findPayload hears what has been said until now: stage 0 may have been killed
// between the clone and the word of it, and the clone speaks for itself.
func (l *launch) findPayload() {
	l.channel.deafen()
	l.channel.deadline = time.Now().Add(discardTime)
	for l.payload == nil || l.plan.clones() == 2 {
		r, from, err := l.channel.receive()
		if err != nil {
			return
		}
		l.meet(&r, &from)
		from.close()
	}
}
