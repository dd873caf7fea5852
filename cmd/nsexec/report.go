//go:build linux && cgo

package main

import (
	"encoding/json"
	"errors"
	"fmt"
	"os"
	"strings"
	"syscall"

	"golang.org/x/sys/unix"

	"nsexec/ns"
	"nsexec/nsenter"
)

// report is the one JSON object that --report-fd gets: "pid" if the program runs, else "error".
type report struct {
	PID   int            `json:"pid,omitempty"`
	Error *reportedError `json:"error,omitempty"`
}

// reportedError has a stage and an op for everything that the library reports; other failures are the caller's and
// have a message only, and an errno if the kernel was asked.
type reportedError struct {
	Stage   string         `json:"stage"`
	Op      string         `json:"op,omitempty"`
	Type    []string       `json:"type,omitempty"`
	Errno   *reportedErrno `json:"errno,omitempty"`
	Path    string         `json:"path,omitempty"`
	Hint    string         `json:"hint,omitempty"`
	Message string         `json:"message"`
	Status  int            `json:"status"` // what the command exits with
}

type reportedErrno struct {
	Number int    `json:"number"`
	Name   string `json:"name"`
}

// openReport takes over fd, or returns nil if it is -1.
func openReport(fd int) (*os.File, error) {
	if fd == -1 {
		return nil, nil
	}
	if _, err := unix.FcntlInt(uintptr(fd), unix.F_SETFD, unix.FD_CLOEXEC); err != nil {
		return nil, fmt.Errorf("report to fd %d: %w", fd, err)
	}
	return os.NewFile(uintptr(fd), fmt.Sprintf("fd %d", fd)), nil
}

// writeReport says on file, if there is one, that the program runs, or why it does not.
func writeReport(file *os.File, pid int, err error) error {
	if file == nil {
		return nil
	}
	r := report{PID: pid}
	if err != nil {
		r = report{Error: describe(err)}
	}
	line, jsonErr := json.Marshal(r)
	if jsonErr != nil {
		return fmt.Errorf("report to %s: %w", file.Name(), jsonErr)
	}
	_, writeErr := file.Write(append(line, '\n'))
	if err := errors.Join(writeErr, file.Close()); err != nil {
		return fmt.Errorf("report to %s: %w", file.Name(), err)
	}
	return nil
}

func describe(err error) *reportedError {
	r := &reportedError{
		Stage:   nsenter.StageCaller.String(),
		Message: strings.TrimPrefix(message(err), "nsexec: "),
		Status:  failureStatus(err),
	}
	var e *nsenter.Error
	if errors.As(err, &e) {
		r.Stage, r.Op, r.Type, r.Path, r.Hint = e.Stage.String(), e.Op, typeNames(e.Type), e.Path, e.Hint
	}
	var errno syscall.Errno
	if errors.As(err, &errno) {
		r.Errno = &reportedErrno{Number: int(errno), Name: unix.ErrnoName(errno)}
	}
	return r
}

// typeNames are the single types in t, by their names in /proc/PID/ns.
func typeNames(t ns.Type) []string {
	var names []string
	for _, one := range t.Types() {
		names = append(names, one.Name())
	}
	return names
}
