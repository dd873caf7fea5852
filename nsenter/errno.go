//go:build !plan9

package nsenter

import (
	"fmt"
	"syscall"
)

// Errno is [syscall.Errno].
type Errno = syscall.Errno

// WaitStatus is [syscall.WaitStatus].
type WaitStatus = syscall.WaitStatus

const (
	errnoBrokenPipe  = syscall.EPIPE
	errnoInvalid     = syscall.EINVAL
	errnoNoChild     = syscall.ECHILD
	errnoProcessGone = syscall.ESRCH
)

func describeStatus(s WaitStatus) string {
	if s.Signaled() {
		return "signal: " + s.Signal().String()
	}
	return fmt.Sprintf("exit status %d", s.ExitStatus())
}
