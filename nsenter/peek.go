//go:build linux && cgo

package nsenter

import (
	"bytes"
	"errors"
	"os"
	"strconv"

	"golang.org/x/sys/unix"

	"nsexec/internal/procfs"
)

// peek looks at how a child ended without reaping it.
func peek(idType, id int) (info unix.Siginfo, exited bool, err error) {
	for {
		err = unix.Waitid(idType, id, &info, unix.WEXITED|unix.WNOHANG|unix.WNOWAIT, nil)
		if !errors.Is(err, unix.EINTR) {
			return info, err == nil && info.Signo != 0, err
		}
	}
}

// peekProcess is peek by whatever the os.Process has.
func peekProcess(p *os.Process) (info unix.Siginfo, exited bool, err error) {
	handleErr := p.WithHandle(func(pidfd uintptr) {
		info, exited, err = peek(unix.P_PIDFD, int(pidfd))
	})
	if handleErr != nil {
		return peek(unix.P_PID, p.Pid)
	}
	return info, exited, err
}

// diedBySignal tells whether a child has been killed, without reaping it. One
// that somebody else traces is hidden from waitid by its tracer, but not from
// its pidfd; how it ended is then unknown.
func diedBySignal(p *os.Process) bool {
	info, exited, err := peekProcess(p)
	if err == nil && exited {
		return info.Code != exitedNormally
	}
	hidden := false
	_ = p.WithHandle(func(pidfd uintptr) { hidden = err == nil && !isAlive(int(pidfd)) })
	return hidden
}

// awaitEnd waits for a process that is on its way out: the kernel takes its
// memory and its files before it can be waited for.
func awaitEnd(p *os.Process) {
	_ = p.WithHandle(func(pidfd uintptr) {
		fds := []unix.PollFd{{Fd: int32(pidfd), Events: unix.POLLIN}}
		_, _ = unix.Poll(fds, int(discardTime.Milliseconds()))
	})
}

// isAlive: a pidfd is readable once its process has exited.
func isAlive(pidfd int) bool {
	fds := []unix.PollFd{{Fd: int32(pidfd), Events: unix.POLLIN}}
	n, err := unix.Poll(fds, 0)
	return err != nil || n == 0
}

// exitedNormally is the kernel's CLD_EXITED: not killed by a signal.
const exitedNormally = 1

// forkedNoExec is the kernel's PF_FORKNOEXEC: a process that has not executed
// anything since it was forked.
const forkedNoExec = 0x40

// hasExecuted tells whether a dead child got as far as its program. What
// stage 0 was cloned from has executed before, so there its title has to tell.
func hasExecuted(pid int, forked bool) bool {
	stat, err := procfs.ReadPID(pid, "stat")
	if err != nil {
		return true
	}
	comm, flags, err := parseStat(stat)
	switch {
	case err != nil:
		return true
	case forked:
		return flags&forkedNoExec == 0
	}
	return comm != stage0Title
}

// parseStat takes the name and the flags out of /proc/PID/stat. The name may
// hold anything, so the last parenthesis ends it (proc_pid_stat(5)).
func parseStat(stat []byte) (comm string, flags uint64, err error) {
	open, end := bytes.IndexByte(stat, '('), bytes.LastIndexByte(stat, ')')
	if open < 0 || end < open {
		return "", 0, errors.New("parse stat: no name")
	}
	const flagsField = 9 - 3 // of those behind the name, which is the second
	fields := bytes.Fields(stat[end+1:])
	if len(fields) <= flagsField {
		return "", 0, errors.New("parse stat: cut short")
	}
	flags, err = strconv.ParseUint(string(fields[flagsField]), 10, 64)
	return string(stat[open+1 : end]), flags, err
}
