//go:build linux && cgo

package nsenter

import (
	"bytes"
	"errors"
	"fmt"
	"os"
	"strconv"

	"golang.org/x/sys/unix"

	"nsexec/internal/procfs"
)

// isAlive: a pidfd is readable once its process has exited.
func isAlive(pidfd int) bool {
	fds := []unix.PollFd{{Fd: int32(pidfd), Events: unix.POLLIN}}
	n, err := unix.Poll(fds, 0)
	return err != nil || n == 0
}

// isUnreaped tells whether a child of ours that has spoken is still there, if only
// as a zombie: then its pid is nobody else's.
func isUnreaped(from *sender) bool {
	if from.pidfd != nil {
		return unix.PidfdSendSignal(int(from.pidfd.Fd()), 0, nil, 0) != unix.ESRCH
	}
	return unix.Waitid(unix.P_PID, from.pid, nil, unix.WEXITED|unix.WNOHANG|unix.WNOWAIT, nil) != unix.ECHILD
}

// Flags of the kernel's in /proc/PID/stat.
const (
	exiting      = 0x4  // PF_EXITING: set before an exit closes files
	forkedNoExec = 0x40 // PF_FORKNOEXEC: nothing has been executed since the fork
)

// hasExecuted tells whether a child of ours has executed since it was forked, dead or not: one
// that has may not be put into another process group (setpgid(2), EACCES), whatever group that is.
// This one no system has, so that nothing changes; and the kernel comes to that last, before any
// security module is asked. False also means that it is in another session: nobody can tell then.
func hasExecuted(pid int) bool {
	const noGroup = 1 << 30 // PID_MAX_LIMIT is 1 << 22
	return unix.Setpgid(pid, noGroup) == unix.EACCES
}

// diesUnexecuted tells whether a child is dead or dying that has not got as far
// as its program: it may be seen to have closed its files, but not yet to be
// dead. What stage 0 was cloned from has executed before, so there its title
// has to tell. Where procfs does not, nobody can: that counts as executed. To open
// a new process's files takes procfs 20 us, so it is asked only if need be.
func diesUnexecuted(pid int, forked bool) bool {
	if forked && hasExecuted(pid) {
		return false
	}
	s, err := statOf(pid)
	switch {
	case err != nil, s.flags&exiting == 0:
		return false
	case forked:
		return s.flags&forkedNoExec != 0
	}
	return s.comm == stage0Title
}

// parentOf is the pid of a process's parent, or zero.
func parentOf(pid int) int {
	s, _ := statOf(pid)
	return s.parent
}

func statOf(pid int) (processStat, error) {
	stat, err := openStat(pid)
	if err != nil {
		return processStat{}, err
	}
	defer stat.Close()
	return readStat(stat)
}

// openStat: to whoever has no privilege over all processes, the verified procfs
// may hide those that he has no right to ptrace, and so a process that is dying.
// The caller's own /proc has a word of it then.
func openStat(pid int) (*os.File, error) {
	stat, err := procfs.OpenPID(pid, "stat")
	if err != nil {
		return os.Open(fmt.Sprintf("/proc/%d/stat", pid))
	}
	return stat, nil
}

func readStat(stat *os.File) (processStat, error) {
	var buf [1024]byte
	n, err := readOnce(stat, buf[:])
	if err != nil {
		return processStat{}, err
	}
	return parseStat(buf[:n])
}

// readOnce reads the beginning of a file of procfs, which is made anew for each read:
// File.ReadAt would have it made twice, to see its end.
func readOnce(f *os.File, buf []byte) (n int, err error) {
	conn, err := f.SyscallConn()
	if err != nil {
		return 0, err
	}
	if conn.Control(func(fd uintptr) { n, err = unix.Pread(int(fd), buf, 0) }) != nil {
		return 0, os.ErrClosed // which the poller calls otherwise
	}
	return max(n, 0), err
}

// readWhole is readOnce for a file that mostly takes less than size.
func readWhole(f *os.File, size int) ([]byte, error) {
	for {
		buf := make([]byte, size)
		n, err := readOnce(f, buf)
		if err != nil || n < size {
			return buf[:n], err
		}
		size *= 2
	}
}

// processStat is what is taken out of /proc/PID/stat.
type processStat struct {
	comm   string
	parent int
	flags  uint64
}

// parseStat: the name may hold anything, so the last parenthesis ends it
// (proc_pid_stat(5)).
func parseStat(stat []byte) (s processStat, err error) {
	open, end := bytes.IndexByte(stat, '('), bytes.LastIndexByte(stat, ')')
	if open < 0 || end < open {
		return s, errors.New("parse stat: no name")
	}
	const parentField, flagsField = 4 - 3, 9 - 3 // of those behind the name, which is the second
	fields := bytes.Fields(stat[end+1:])
	if len(fields) <= flagsField {
		return s, errors.New("parse stat: cut short")
	}
	s.comm = string(stat[open+1 : end])
	s.parent, err = strconv.Atoi(string(fields[parentField]))
	if err != nil {
		return s, err
	}
	s.flags, err = strconv.ParseUint(string(fields[flagsField]), 10, 64)
	return s, err
}
