//go:build linux && cgo

package nsenter

import (
	"os"
	"sync/atomic"

	"nsexec/internal/sockpair"
	"nsexec/ns"
)

// workers are a launcher's threads whose payloads share its memory until they execute.
type workers struct {
	socket *os.File // on which they are called; messages stay apart
	count  int32
	busy   atomic.Int32  // no more calls are made than there are workers: they would wait for those that are stuck
	calls  atomic.Uint64 // how many there have been: each has a number
}

// start has the launcher start them. How many they are comes with SERVING.
func (w *workers) start(launcher *os.File) error {
	callers, theirs, err := sockpair.NewMessages()
	if err != nil {
		return callerError("make socket", "", err)
	}
	defer theirs.Close()
	w.socket = callers
	err = newChannel(launcher).send(callMessage(callStartWorkers, 1, 0), []int{int(theirs.Fd())})
	if err != nil {
		return callerError("send call", "", err)
	}
	return nil
}

func (w *workers) close() {
	if w.socket != nil {
		w.socket.Close()
	}
}

// takeWorker reports whether a worker is to start the payload, and is free.
func (l *launch) takeWorker(files []*os.File, env []string) bool {
	l.leaveWorker()
	w := &l.launcher.workers
	if !l.sharesMemory(files, env) {
		return false
	}
	if w.busy.Add(1) > w.count && !weakWorkers {
		w.busy.Add(-1)
		return false
	}
	l.worker, l.number = w, w.calls.Add(1)
	return true
}

// leaveWorker is called when the payload has executed, or is no more: one that
// has been killed, but is not to be reaped yet, keeps its worker.
func (l *launch) leaveWorker() {
	w := l.worker
	if w == nil {
		return
	}
	l.worker = nil
	if p := l.children[l.payload]; !l.executed && p != nil {
		go func() {
			<-p.exited
			w.busy.Add(-1)
		}()
		return
	}
	w.busy.Add(-1)
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
	case c.launcher.separate, c.BeforeExec != nil, c.function != nil, c.Unshare != 0:
		return false
	case c.Credential != nil, c.New.KeepCapabilities, c.Init:
		return false
	case l.plan.types()&(ns.User|ns.Time) != 0 || l.plan.forks():
		return false
	}
	const perString, fixed = 4 + 1 + 8, headerSize + 8192 // what the wire and argv add; limits, processors, a root
	size := fixed + 8*len(files) + len(c.Path) + len(c.Dir)
	for _, s := range c.argv() {
		size += len(s) + perString
	}
	for _, s := range env {
		size += len(s) + perString
	}
	return size <= maxShared
}

// askWho learns which process a worker has started for this call: one that is stopped
// before it has said a word, for which the worker sleeps.
func (l *launch) askWho() {
	callers, theirs, err := sockpair.New()
	if err != nil {
		return
	}
	defer theirs.Close()
	answer := newChannel(callers)
	defer answer.close()
	answer.deadline = l.channel.deadline
	if l.deliver(l.launcher.socket, callMessage(callWho, 1, l.number), []int{int(theirs.Fd())}) != nil {
		return
	}
	theirs.Close()
	r, from, err := answer.receive()
	if err != nil {
		return
	}
	from.close()
	if r.kind == replyCloned && r.pid > 0 {
		l.meet(&r, &from)
	}
}
