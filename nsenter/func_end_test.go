//go:build linux && cgo

package nsenter_test

import (
	"context"
	"errors"
	"fmt"
	"os"
	"os/exec"
	"runtime"
	"strings"
	"syscall"
	"testing"
	"time"

	"nsexec/ns"
	"nsexec/nsenter"
)

// ends are the ways in which a function does not return.
var ends = map[string]func(){
	"panic":       func() { panicDeepInside("deep") },
	"nil panic":   func() { panic(nil) }, //nolint:govet // that it is a mistake is the point
	"error panic": func() { panic(fmt.Errorf("open: %w", syscall.ENOENT)) },
	"index":       func() { _ = os.Args[len(os.Args)] },
	"Goexit":      runtime.Goexit,
	"exit 3":      func() { os.Exit(3) },
	"exit 0":      func() { os.Exit(0) },
	"kill":        func() { _ = syscall.Kill(syscall.Getpid(), syscall.SIGKILL); select {} },
	"goroutine":   func() { go panic("in another goroutine"); select {} },
}

var endBy = nsenter.NewFunc("end by", func(_ context.Context, in []byte) ([]byte, error) {
	ends[string(in)]()
	return []byte("went on"), nil
})

func panicDeepInside(value string) {
	if value != "" {
		panic(value)
	}
}

func TestFuncPanics(t *testing.T) {
	for name, says := range map[string]string{
		"panic": "panic: deep", "nil panic": "nil", "error panic": "no such file", "index": "index out of range",
	} {
		t.Run(name, func(t *testing.T) {
			_, err := endBy.Call(t.Context(), nil, []byte(name))
			var e *nsenter.FuncError
			if !errors.As(err, &e) || !strings.Contains(e.Message, says) || !strings.Contains(e.Stack, "func_end_test.go:") {
				t.Fatalf("error is %T %v", err, err)
			}
			if name == "panic" && !strings.Contains(err.Error(), "panicDeepInside") {
				t.Errorf("no word of the function: %v", err)
			}
		})
	}
}

// As in a test's function that calls t.FailNow.
func TestFuncCallsGoexit(t *testing.T) {
	ctx, cancel := context.WithTimeout(t.Context(), 10*time.Second)
	defer cancel()
	_, err := endBy.Call(ctx, nil, []byte("Goexit"))
	var e *nsenter.FuncError
	if !errors.As(err, &e) || !strings.Contains(e.Message, "Goexit") {
		t.Errorf("error is %T %v", err, err)
	}
}

func TestFuncExits(t *testing.T) {
	everywhere(t, func(t *testing.T, set *ns.Set) {
		for _, test := range []struct {
			how  string
			code int
		}{{"exit 3", 3}, {"goroutine", 2}} {
			cmd := endBy.Command(t.Context(), set, []byte(test.how))
			wantExit(t, cmd.Run(), test.code)
			wantNoResult(t, cmd)
		}
	})
}

// A status of 0 is no result either.
func TestFuncExitsWithSuccess(t *testing.T) {
	cmd := endBy.Command(t.Context(), nil, []byte("exit 0"))
	if err := cmd.Run(); err != nil {
		t.Error(err)
	}
	wantNoResult(t, cmd)
	if out, err := endBy.Call(t.Context(), nil, []byte("exit 0")); err == nil {
		t.Errorf("Call returned %q", out)
	}
}

func wantNoResult(t *testing.T, cmd *nsenter.Cmd) {
	t.Helper()
	out, err := cmd.Result()
	if out != nil || err == nil || !strings.Contains(err.Error(), "without one") {
		t.Errorf("result is %q, %v", out, err)
	}
}

func TestFuncIsKilled(t *testing.T) {
	cmd := endBy.Command(t.Context(), nil, []byte("kill"))
	err := cmd.Run()
	wantExit(t, err, -1)
	wantNoResult(t, cmd)
	_, err = endBy.Call(t.Context(), nil, []byte("kill"))
	wantExit(t, err, -1)
}

// An init of a pid namespace does not die of its own SIGKILL, but of the caller's.
func TestFuncIsKilledByCaller(t *testing.T) {
	everywhere(t, func(t *testing.T, set *ns.Set) {
		cmd := waitLikeAShell.Command(t.Context(), set, nil)
		stdin := pipe(t, cmd.StdinPipe)
		defer stdin.Close()
		if err := cmd.Start(); err != nil {
			t.Fatal(err)
		}
		if err := cmd.Process.Kill(); err != nil {
			t.Fatal(err)
		}
		wantExit(t, cmd.Wait(), -1)
		wantNoResult(t, cmd)
	})
}

func TestFuncsGoroutinePanicIsOnStderr(t *testing.T) {
	cmd := endBy.Command(t.Context(), nil, []byte("goroutine"))
	var stderr strings.Builder
	cmd.Stderr = &stderr
	err := cmd.Run()
	var exit *exec.ExitError
	if !errors.As(err, &exit) || !strings.Contains(stderr.String(), "in another goroutine") {
		t.Errorf("%v; stderr %q", err, stderr.String())
	}
}
