package nsenter

import "fmt"

// Errno stands in for syscall.Errno, which Plan 9 does not have.
type Errno int

// Error is the number: nothing here ever returns one.
func (e Errno) Error() string { return fmt.Sprintf("errno %d", int(e)) }

// WaitStatus stands in for syscall.WaitStatus, which Plan 9 does not have.
type WaitStatus int

const (
	errnoBrokenPipe  = Errno(32)
	errnoInvalid     = Errno(22)
	errnoNoChild     = Errno(10)
	errnoProcessGone = Errno(3)
)

func describeStatus(s WaitStatus) string { return fmt.Sprintf("status %d", int(s)) }
