//go:build linux && cgo

package nsenter

import (
	"time"

	"golang.org/x/sys/unix"
)

// lateTime bounds how long a launcher may take, of which a Start that is over
// still wants to know what it has cloned.
const lateTime = 10 * time.Second

// whoTime is after what time a launcher is asked again: a worker may only just have read the call.
const whoTime = 20 * time.Millisecond

// seekStage0 finds out what the launcher has cloned, for a Start that has failed.
// A launcher that somebody has stopped is ended: nobody could tell what it starts
// later. One that is only slow, on a busy machine, has other calls to answer: what
// it clones for this one ends by itself, since it is not spoken to any more.
func (l *launch) seekStage0() {
	if !l.called {
		return
	}
	_ = unix.Shutdown(l.channel.fd, unix.SHUT_WR)
	l.channel.deafen()
	if !l.launcher.isStopped() && l.hearStage0(discardTime) {
		return
	}
	if l.launcher.isStopped() {
		_, _ = l.launcher.stop()
		l.hearStage0(discardTime)
		return
	}
	late := *l
	l.channel, l.worker = nil, nil
	go late.discardLate()
}

// hearStage0 reports whether that is settled: what has been cloned, or that
// nothing will be.
func (l *launch) hearStage0(within time.Duration) bool {
	end := time.Now().Add(within)
	for l.stage0 == nil {
		l.channel.deadline = end
		if l.worker != nil {
			l.askWho()
			l.channel.deadline = time.Now().Add(min(whoTime, time.Until(end)))
		}
		switch err := l.hearOne(); {
		case err == nil:
		case l.channel.expired() == nil: // the end of the file
			return true
		case !time.Now().Before(end):
			return l.stage0 != nil
		}
	}
	return true
}

func (l *launch) hearOne() error {
	if l.stage0 != nil {
		return nil
	}
	r, from, err := l.channel.receive()
	if err == nil {
		l.meet(&r, &from)
		from.close()
	}
	return err
}

// discardLate reaps what a slow launcher has cloned after all.
func (l *launch) discardLate() {
	defer l.leaveWorker()
	defer l.channel.close()
	if !l.hearStage0(lateTime) {
		_, _ = l.launcher.stop()
		l.hearStage0(discardTime)
	}
	l.discardFound()
}

// isStopped asks as its parent: procfs may hide what is not dumpable. Without a pidfd, which filters
// may refuse, its pid will do: only a child of ours is asked for.
func (p *launcherProcess) isStopped() (stopped bool) {
	ask := func(kind, id int) {
		var info unix.Siginfo
		err := unix.Waitid(kind, id, &info, unix.WSTOPPED|unix.WNOHANG|unix.WNOWAIT, nil)
		stopped = err == nil && info.Signo != 0
	}
	if p.process.WithHandle(func(pidfd uintptr) { ask(unix.P_PIDFD, int(pidfd)) }) != nil {
		ask(unix.P_PID, p.pid)
	}
	return stopped
}
