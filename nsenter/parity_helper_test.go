//go:build linux && cgo

package nsenter_test

import (
	"errors"
	"os"
	"os/exec"
	"path/filepath"
	"testing"
	"time"
)

// wantOutput runs a command that must succeed and write exactly want.
func wantOutput(t *testing.T, c *command, want string) {
	t.Helper()
	out, err := c.Output()
	if err != nil {
		t.Errorf("%v: %v", c, describe(err))
	}
	if string(out) != want {
		t.Errorf("%v: wrote %.200q, want %.200q", c, out, want)
	}
}

// wantExit asserts that err is, itself, an ExitError of that code; -1 is death by a signal.
func wantExit(t *testing.T, err error, code int) {
	t.Helper()
	exit, ok := err.(*exec.ExitError) //nolint:errorlint // os/exec does not wrap it
	if !ok {
		t.Errorf("error is %T %v, want an ExitError", err, err)
		return
	}
	if exit.ExitCode() != code {
		t.Errorf("exit code is %d (%v), want %d", exit.ExitCode(), exit, code)
	}
}

// describe adds what a program said to the error that it ended with.
func describe(err error) string {
	var exit *exec.ExitError
	if errors.As(err, &exit) {
		return err.Error() + ": " + string(exit.Stderr)
	}
	return err.Error()
}

func mustStart(t *testing.T, c *command) {
	t.Helper()
	if err := c.Start(); err != nil {
		t.Fatal(err)
	}
}

// pipe opens one of a command's pipes.
func pipe[P any](t *testing.T, open func() (P, error)) P {
	t.Helper()
	p, err := open()
	if err != nil {
		t.Fatal(err)
	}
	return p
}

// inTime runs fn and fails if it takes a minute: a hang that is told apart from a slow machine.
func inTime(t *testing.T, what string, fn func()) {
	t.Helper()
	done := make(chan struct{})
	go func() {
		defer close(done)
		fn()
	}()
	select {
	case <-done:
	case <-time.After(time.Minute):
		t.Fatalf("%s hangs", what)
	}
}

// openDir is a temporary directory that every user may enter: t.TempDir is closed to the ids of a user namespace.
func openDir(t *testing.T) string {
	t.Helper()
	dir, err := os.MkdirTemp("", "nsenter-parity-")
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() { os.RemoveAll(dir) })
	if err := os.Chmod(dir, 0o755); err != nil {
		t.Fatal(err)
	}
	if dir, err = filepath.EvalSymlinks(dir); err != nil {
		t.Fatal(err)
	}
	return dir
}

// writeFile makes a file with exactly these permissions, in a directory that is made too.
func writeFile(t *testing.T, path, text string, mode os.FileMode) string {
	t.Helper()
	if err := os.MkdirAll(filepath.Dir(path), 0o755); err != nil {
		t.Fatal(err)
	}
	if err := os.WriteFile(path, []byte(text), mode); err != nil {
		t.Fatal(err)
	}
	if err := os.Chmod(path, mode); err != nil {
		t.Fatal(err)
	}
	return path
}
