package nsenter

import (
	"context"
	"errors"
	"fmt"
	"io"
	"os"
	"os/exec"
	"runtime/debug"

	"nsexec/ns"
)

// FuncError is an error that a function has returned in its payload, or its
// panic. errors.Is tells the errno that it was, and the well-known errors.
type FuncError struct {
	// Message is its text there.
	Message string
	// Errno is the errno that it held, the first of several, or zero.
	Errno Errno
	// Stack is where the function panicked; empty for an error.
	Stack string

	known []error
}

// Error is the text; a panic's is followed by its stack.
func (e *FuncError) Error() string {
	if e.Stack == "" {
		return e.Message
	}
	return e.Message + "\n\n" + e.Stack
}

// Unwrap is the errnos and the well-known errors that it was.
func (e *FuncError) Unwrap() []error { return e.known }

// wellKnown are the errors that are themselves on both ends, by what they are
// called on the way.
var wellKnown = map[string]error{
	"context.Canceled":         context.Canceled,
	"context.DeadlineExceeded": context.DeadlineExceeded,
	"errors.ErrUnsupported":    errors.ErrUnsupported,
	"exec.ErrDot":              exec.ErrDot,
	"exec.ErrNotFound":         exec.ErrNotFound,
	"io.EOF":                   io.EOF,
	"io.ErrClosedPipe":         io.ErrClosedPipe,
	"io.ErrUnexpectedEOF":      io.ErrUnexpectedEOF,
	"ns.ErrProcessGone":        ns.ErrProcessGone,
	"nsenter.ErrUnavailable":   ErrUnavailable,
	"os.ErrClosed":             os.ErrClosed,
	"os.ErrDeadlineExceeded":   os.ErrDeadlineExceeded,
	"os.ErrExist":              os.ErrExist,
	"os.ErrInvalid":            os.ErrInvalid,
	"os.ErrNotExist":           os.ErrNotExist,
	"os.ErrPermission":         os.ErrPermission,
	"os.ErrProcessDone":        os.ErrProcessDone,
}

// wireError is a FuncError on its way. Its text is bytes: what JSON calls a
// string cannot hold every file's name.
type wireError struct {
	Message []byte
	Errnos  []int    `json:",omitempty"`
	Known   []string `json:",omitempty"`
	Stack   []byte   `json:",omitempty"`
}

func toWire(err error) *wireError {
	if err == nil {
		return nil
	}
	w := &wireError{Message: cut([]byte(err.Error())), Errnos: errnosOf(err)}
	for name, known := range wellKnown {
		if errors.Is(err, known) {
			w.Known = append(w.Known, name)
		}
	}
	return w
}

func cut(text []byte) []byte { return text[:min(len(text), maxErrorText)] }

// lastErrno is MIPS's EDQUOT; elsewhere they end at 133.
const lastErrno = 1133

// errnosOf are all that err is, beginning with the one that errors.As finds:
// there are several in what errors.Join has made.
func errnosOf(err error) []int {
	var first Errno
	if !errors.As(err, &first) {
		return nil
	}
	all := []int{int(first)}
	for n := 1; n <= lastErrno; n++ {
		if n != int(first) && errors.Is(err, Errno(n)) {
			all = append(all, n)
		}
	}
	return all
}

// panicToWire is called while the panic unwinds, so that the stack is the function's.
func panicToWire(value any) *wireError {
	return &wireError{Message: cut(fmt.Appendf(nil, "panic: %v", value)), Stack: cut(debug.Stack())}
}

func (w *wireError) fromWire() error {
	if w == nil {
		return nil
	}
	e := &FuncError{Message: string(w.Message), Stack: string(w.Stack)}
	for _, errno := range w.Errnos {
		e.known = append(e.known, Errno(errno))
	}
	if len(w.Errnos) > 0 {
		e.Errno = Errno(w.Errnos[0])
	}
	for _, name := range w.Known {
		if known := wellKnown[name]; known != nil {
			e.known = append(e.known, known)
		}
	}
	return e
}
