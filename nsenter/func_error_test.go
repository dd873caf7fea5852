//go:build linux && cgo

package nsenter_test

import (
	"context"
	"errors"
	"fmt"
	"io"
	"net"
	"os"
	"os/exec"
	"syscall"
	"testing"

	"nsexec/ns"
	"nsexec/nsenter"
)

// failures are made in the payload, by name.
var failures = map[string]func() error{
	"errno":         func() error { return syscall.EBUSY },
	"open":          func() error { _, err := os.Open("/nowhere/at/all"); return err },
	"wrapped errno": func() error { return fmt.Errorf("do it: %w", fmt.Errorf("really: %w", syscall.EACCES)) },
	"joined errnos": func() error { return errors.Join(syscall.EBUSY, fmt.Errorf("and: %w", syscall.ENOENT), io.EOF) },
	"two of one":    func() error { return fmt.Errorf("%w, then %w", context.Canceled, io.ErrUnexpectedEOF) },
	"EOF":           func() error { return io.EOF },
	"closed":        func() error { return os.Stdin.Close() },
	"deadline":      func() error { return os.ErrDeadlineExceeded },
	"context":       func() error { return context.DeadlineExceeded },
	"unsupported":   func() error { return errors.ErrUnsupported },
	"dial":          func() error { _, err := net.Dial("unix", "/nowhere/at/all"); return err },
	"not found":     func() error { return exec.Command("no-such-program-anywhere").Run() },
	"gone":          func() error { return fmt.Errorf("look: %w", ns.ErrProcessGone) },
	"of its own":    func() error { return errors.New("it is Tuesday") },
	"empty":         func() error { return errors.New("") },
	"long":          func() error { return errors.New(string(patterned(1 << 20))) },
}

var fail = nsenter.NewFunc("fail", func(_ context.Context, in []byte) ([]byte, error) {
	return []byte("ignored"), failures[string(in)]()
})

func failWith(t *testing.T, name string) error {
	t.Helper()
	out, err := fail.Call(t.Context(), nil, []byte(name))
	if err == nil {
		t.Fatalf("no error, and %q", out)
	}
	return err
}

func wantIs(t *testing.T, err error, targets ...error) {
	t.Helper()
	for _, target := range targets {
		if !errors.Is(err, target) {
			t.Errorf("error %T %.300v is not %v", err, err, target)
		}
	}
}

func TestFuncErrorIsWhatItWas(t *testing.T) {
	for name, targets := range map[string][]error{
		"errno":         {syscall.EBUSY},
		"open":          {syscall.ENOENT, os.ErrNotExist},
		"wrapped errno": {syscall.EACCES, os.ErrPermission},
		"joined errnos": {syscall.EBUSY, syscall.ENOENT, os.ErrNotExist, io.EOF},
		"two of one":    {context.Canceled, io.ErrUnexpectedEOF},
		"EOF":           {io.EOF},
		"deadline":      {os.ErrDeadlineExceeded},
		"context":       {context.DeadlineExceeded},
		"unsupported":   {errors.ErrUnsupported},
		"dial":          {syscall.ENOENT, os.ErrNotExist},
		"not found":     {exec.ErrNotFound},
		"gone":          {ns.ErrProcessGone},
	} {
		t.Run(name, func(t *testing.T) { wantIs(t, failWith(t, name), targets...) })
	}
}

func TestFuncErrorIsNothingElse(t *testing.T) {
	for name := range failures {
		if name == "closed" || name == "EOF" || name == "joined errnos" {
			continue
		}
		err := failWith(t, name)
		if errors.Is(err, io.EOF) || errors.Is(err, os.ErrClosed) || errors.Is(err, syscall.EINTR) {
			t.Errorf("%s is too much: %.300v", name, err)
		}
	}
	if err := failWith(t, "of its own"); errors.Is(err, os.ErrNotExist) || errors.Is(err, syscall.Errno(0)) {
		t.Errorf("%v is too much", err)
	}
}

func TestFuncErrorText(t *testing.T) {
	for _, name := range []string{"open", "joined errnos", "of its own", "empty", "long"} {
		err := failWith(t, name)
		var e *nsenter.FuncError
		if want := failures[name]().Error(); !errors.As(err, &e) || err.Error() != want || e.Stack != "" {
			t.Errorf("%s: %T %.200q, want %.200q", name, err, err, want)
		}
	}
	var e *nsenter.FuncError
	if err := failWith(t, "open"); !errors.As(err, &e) || e.Errno != syscall.ENOENT {
		t.Errorf("errno of %v is not ENOENT", err)
	}
}

// A function that fails has run, and its payload has not failed.
func TestFuncErrorIsNotTheCommands(t *testing.T) {
	cmd := fail.Command(t.Context(), nil, []byte("errno"))
	if err := cmd.Run(); err != nil {
		t.Error(err)
	}
	out, err := cmd.Result()
	wantIs(t, err, syscall.EBUSY)
	if out != nil {
		t.Errorf("result is %q", out)
	}
}
