//go:build linux && cgo

package main

import (
	"errors"
	"fmt"
	"os"
	"os/exec"
	"strings"
	"syscall"
	"time"
	"unsafe"

	"golang.org/x/sys/unix"

	"nsexec/nsenter"
)

// Exit statuses that are not the program's, as env(1) and shells have them.
const (
	statusOwnFailure    = 125
	statusNotExecutable = 126
	statusNotFound      = 127
)

// endedError is a program that has run and has not succeeded. It is not printed: whatever there was to say, the
// program has said.
type endedError struct{ status syscall.WaitStatus }

func (e *endedError) Error() string {
	return fmt.Sprintf("the program has ended: %#x", uint32(e.status))
}

// finish ends the process in the way that err asks for.
func finish(err error) {
	var ended *endedError
	switch {
	case err == nil:
		os.Exit(0)
	case !errors.As(err, &ended):
		fmt.Fprintln(os.Stderr, message(err))
		os.Exit(failureStatus(err))
	case ended.status.Signaled():
		dieOf(ended.status.Signal())
	}
	os.Exit(ended.status.ExitStatus())
}

// message is of the form "nsexec: verb object: cause (stage; hint)".
func message(err error) string {
	return "nsexec: " + strings.TrimPrefix(err.Error(), "nsenter: ")
}

// failureStatus is the exit status for a program that has not run.
func failureStatus(err error) int {
	switch {
	case isNotFound(err):
		return statusNotFound
	case isExecFailure(err):
		return statusNotExecutable
	}
	return statusOwnFailure
}

// isExecFailure reports whether all was done but execve: that failed, with an errno.
func isExecFailure(err error) bool {
	var e *nsenter.Error
	return errors.As(err, &e) && e.Stage == nsenter.StagePayload && e.Op == "exec" && e.Errno != 0
}

func isNotFound(err error) bool {
	return errors.Is(err, exec.ErrNotFound) || isExecFailure(err) && errors.Is(err, unix.ENOENT)
}

// dieOf ends this process by the signal that the program has died of, so that a shell sees what it would have seen
// of the program: it stops a loop at ^C, and says "Terminated". The core dump, if any, is the program's alone.
func dieOf(sig syscall.Signal) {
	_ = unix.Prctl(unix.PR_SET_DUMPABLE, 0, 0, 0, 0)
	setDefault(sig)
	_ = unix.Kill(os.Getpid(), sig)
	time.Sleep(time.Second) // it may be delivered to another thread
	os.Exit(128 + int(sig)) // it was blocked, or we are pid 1 of a pid namespace
}

// setDefault undoes what the Go runtime does at a signal, which for some is to print a stack trace and exit. A zeroed
// sigaction is the default action on every architecture, with no flags and an empty mask.
func setDefault(sig syscall.Signal) {
	var action [128]byte
	const setSize = 8
	_, _, _ = unix.RawSyscall6(unix.SYS_RT_SIGACTION, uintptr(sig), uintptr(unsafe.Pointer(&action)), 0, setSize, 0, 0)
}
