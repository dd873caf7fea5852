//go:build linux && cgo

package main

import (
	"os"
	"os/signal"

	"golang.org/x/sys/unix"
)

// relay makes this process as thin as it can be while the program runs. Both are in one process group, so what a
// terminal sends reaches the program by itself.
//
//   - INT and QUIT come from the terminal: the program decides, we wait, as a shell does.
//   - TERM and HUP are meant for the program when they are sent to us, and so is CONT.
//   - When the program alone has stopped, we stop too, so that whoever waits for us notices. What continues us
//     continues it.
//
// It starts when the payload is complete but for exec: before, we die of a signal, and all that we have started dies
// with us; and had we ignored a signal then, the program would have inherited that.
func relay(p *os.Process) {
	signals := make(chan os.Signal, 16)
	signal.Notify(signals, unix.SIGCHLD, unix.SIGCONT)
	for _, s := range []os.Signal{unix.SIGINT, unix.SIGQUIT, unix.SIGTERM, unix.SIGHUP} {
		if !signal.Ignored(s) { // as after nohup(1): it stays so, for the program too
			signal.Notify(signals, s)
		}
	}
	go func() {
		for s := range signals {
			relayOne(p, s)
		}
	}()
}

func relayOne(p *os.Process, s os.Signal) {
	switch s {
	case unix.SIGINT, unix.SIGQUIT:
	case unix.SIGCHLD:
		if hasStopped(p) {
			_ = unix.Kill(os.Getpid(), unix.SIGSTOP)
		}
	default:
		_ = p.Signal(s) // it may have ended just now
	}
}

// hasStopped asks for a stop alone. It leaves how the program ends to the library, which waits for that.
func hasStopped(p *os.Process) bool {
	var info unix.Siginfo
	err := unix.Waitid(unix.P_PID, p.Pid, &info, unix.WSTOPPED|unix.WNOHANG, nil)
	return err == nil && info.Signo != 0
}
