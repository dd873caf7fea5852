package nsenter

import (
	"errors"
	"fmt"
	"os"
	"os/exec"
	"strings"

	"nsexec/ns"
)

// Stage is a process on the way to the payload: where something failed.
type Stage int

const (
	// StageCaller is the calling program: nothing was started, or it could not
	// talk with what was.
	StageCaller Stage = iota
	// Stage0 is the calling program's own executable, stopped before its Go
	// runtime exists. It joins.
	Stage0
	// Stage1 is a clone of stage 0 inside the joined pid namespace. It makes
	// what the payload starts with. Without a pid namespace, stage 0 does.
	Stage1
	// StagePayload is the process from the moment that the caller knows its pid.
	StagePayload
	// StageLauncher is a launcher: a stage 0 that stays, and clones one for each call.
	StageLauncher
)

// String is the stage's name as error texts use it.
func (s Stage) String() string {
	switch s {
	case StageCaller:
		return "caller"
	case Stage0:
		return "stage 0"
	case Stage1:
		return "stage 1"
	case StagePayload:
		return "payload"
	case StageLauncher:
		return "launcher"
	}
	return fmt.Sprintf("Stage(%d)", int(s))
}

// Error is a payload that did not start: what was done, to what, and why it
// failed. It is never an [exec.ExitError]: the program has not run.
//
// errors.Is sees through it to Err or Errno, and beyond:
//   - [exec.ErrNotFound]: a bare name that is nowhere along the payload's PATH,
//   - [exec.ErrDot]: a bare name that is only in a relative entry of it,
//   - [os.ErrDeadlineExceeded]: StartTimeout,
//   - [ns.ErrProcessGone], ESRCH: the target has exited.
type Error struct {
	// Stage is where it failed.
	Stage Stage
	// Op is what was done: a verb, with its object where that is fixed.
	Op string
	// Type is the namespaces concerned, or zero.
	Type ns.Type
	// Path is the object, if it is one that the caller named, or empty.
	Path string
	// Errno is the kernel's answer, or zero.
	Errno Errno
	// Err is the cause where it is not the kernel: a context's error, or BeforeExec's.
	Err error
	// Hint says what an errno that misleads means here, or what to do.
	Hint string

	notFound   bool // a lookup along PATH that met nothing
	targetGone bool // the target has exited, and the cause is what comes of that
	killed     bool // a stage, by a signal
}

// Error is of the form "nsenter: verb object: cause (stage; hint)".
func (e *Error) Error() string {
	words := []string{e.Op}
	if e.Type != 0 {
		words = append(words, typeNames(e.Type))
	}
	if e.Path != "" {
		words = append(words, fmt.Sprintf("%q", e.Path))
	}
	where := e.Stage.String()
	if e.Hint != "" {
		where += "; " + e.Hint
	}
	return fmt.Sprintf("nsenter: %s: %s (%s)", strings.Join(words, " "), e.cause(), where)
}

func (e *Error) cause() string {
	switch {
	case e.notFound:
		return exec.ErrNotFound.Error()
	case e.Unwrap() != nil:
		return e.Unwrap().Error()
	}
	return "refused"
}

// Unwrap is Err if there is one, else Errno; nil if there is neither.
func (e *Error) Unwrap() error {
	if e.Err != nil {
		return e.Err
	}
	if e.Errno != 0 {
		return e.Errno
	}
	return nil
}

// Is adds to what Unwrap leads to: see [Error].
func (e *Error) Is(target error) bool {
	switch target {
	case exec.ErrNotFound:
		return e.notFound
	case ns.ErrProcessGone, errnoProcessGone:
		return e.targetGone || e.Errno == errnoProcessGone
	}
	return false
}

// typeNames is "net namespace", or "user, mnt and pid namespaces".
func typeNames(t ns.Type) string {
	var names []string
	for _, one := range t.Types() {
		names = append(names, one.Name())
	}
	switch n := len(names); n {
	case 0:
		return t.String()
	case 1:
		return names[0] + " namespace"
	default:
		return strings.Join(names[:n-1], ", ") + " and " + names[n-1] + " namespaces"
	}
}

// ErrUnavailable is returned by every entry where no process can be stopped
// before its Go runtime exists: without cgo, not on Linux, in a shared library
// or a plugin, or in a program that runs with raised privileges (AT_SECURE).
// Errors that wrap it say which. It is an [errors.ErrUnsupported].
var ErrUnavailable error = unavailable{}

type unavailable struct{}

func (unavailable) Error() string        { return "nsenter: unavailable" }
func (unavailable) Is(target error) bool { return target == errors.ErrUnsupported }

// LostStatusError is Wait's error when the payload has exited but somebody else
// took its status: SIGCHLD is ignored, or a foreign wait4(-1) was first.
type LostStatusError struct {
	// Status is how the payload ended, if Known.
	Status WaitStatus
	// Known reports whether the kernel still had the status (PIDFD_INFO_EXIT,
	// Linux 6.15). Wait then returns nil if the status is success.
	Known bool
}

// Error says what is known.
func (e *LostStatusError) Error() string {
	const lost = "nsenter: wait payload: status lost to SIGCHLD ignored or a foreign wait"
	if !e.Known {
		return lost
	}
	return fmt.Sprintf("%s; it was %s", lost, describeStatus(e.Status))
}

// Unwrap is ECHILD, the kernel's answer to the wait.
func (e *LostStatusError) Unwrap() error { return errnoNoChild }

// callerError is a failure before anything was started.
func callerError(op, path string, err error) *Error {
	e := &Error{Stage: StageCaller, Op: op, Path: path}
	if !errors.As(err, &e.Errno) || errors.Is(err, os.ErrClosed) {
		e.Err = err
	}
	return e
}
