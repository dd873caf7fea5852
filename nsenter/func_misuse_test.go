//go:build linux && cgo

package nsenter_test

import (
	"context"
	"errors"
	"fmt"
	"os"
	"os/exec"
	"strings"
	"testing"

	"golang.org/x/sys/unix"

	"nsexec/ns"
	"nsexec/nsenter"
)

func init() {
	zoo["forgetful"] = func([]string) error { return errors.New("it has called Init") }
	if os.Getenv(zooVariable) != "forgetful" || nsenter.Available() != nil {
		return
	}
	// Init has not been called yet, as in a main without that line.
	_, err := echo.Call(context.Background(), nil, nil)
	fmt.Println(err)
	_, err = nsenter.Clone(os.Getpid(), 0, echo, 0)
	fmt.Println(err)
	out, err := nsenter.Command(nil, "/bin/echo", "a program").Output()
	fmt.Printf("%s%v, children %d\n", out, err, reapedChildren())
	os.Exit(0)
}

// reapedChildren is 0 as long as this process has not had any: none has used memory.
func reapedChildren() int64 {
	var usage unix.Rusage
	if err := unix.Getrusage(unix.RUSAGE_CHILDREN, &usage); err != nil {
		panic(err)
	}
	return usage.Maxrss
}

func TestFuncWithoutInit(t *testing.T) {
	cmd := exec.Command(zooBinary)
	cmd.Env = zooEnv("forgetful")
	out, err := cmd.CombinedOutput()
	lines := strings.Split(string(out), "\n")
	if err != nil || len(lines) < 3 {
		t.Fatalf("%v: %s", err, out)
	}
	for _, line := range lines[:2] {
		if !strings.Contains(line, "if nsenter.Init() { return }") || !strings.Contains(line, "(caller") {
			t.Errorf("error is %s", line)
		}
	}
	if lines[2] != "a program" || !strings.HasPrefix(lines[3], "<nil>") {
		t.Errorf("a program needs no Init: %q", lines[2:])
	}
}

// refusals are what a payload is told that tries to start more.
type refusals struct {
	Errors   []string
	Refused  int // how many of them are ErrUnavailable
	Children int64
}

var startMore = nsenter.Register("start more", func(ctx context.Context, _ struct{}) (r refusals, err error) {
	_, callErr := echo.Call(ctx, nil, nil)
	_, typedErr := tellWhere.Call(ctx, nil, struct{}{})
	_, cloneErr := nsenter.Clone(os.Getpid(), 0, echo, 0)
	_, joinErr := nsenter.Clone(os.Getpid(), ns.UTS, echo, unix.CLONE_NEWUSER)
	for _, err := range []error{
		nsenter.Available(), nsenter.Command(nil, "true").Run(), callErr, typedErr, cloneErr, joinErr,
	} {
		r.Errors = append(r.Errors, fmt.Sprint(err))
		if errors.Is(err, nsenter.ErrUnavailable) {
			r.Refused++
		}
	}
	r.Children = reapedChildren()
	if _, err := unix.Wait4(-1, nil, unix.WNOHANG, nil); !errors.Is(err, unix.ECHILD) {
		return r, fmt.Errorf("it has a child: %w", err)
	}
	return r, nil
})

func TestFuncCannotStartMore(t *testing.T) {
	everywhere(t, func(t *testing.T, set *ns.Set) {
		r, err := startMore.Call(t.Context(), set, struct{}{})
		if err != nil || r.Refused != len(r.Errors) || len(r.Errors) != 6 || r.Children != 0 {
			t.Errorf("%v; %+v", err, r)
		}
	})
}

var refuse = nsenter.NewFunc("refuse", func(context.Context, []byte) ([]byte, error) {
	return nil, nsenter.Command(nil, "true").Start()
})

func TestFuncsRefusalCrosses(t *testing.T) {
	_, err := refuse.Call(t.Context(), nil, nil)
	wantIs(t, err, nsenter.ErrUnavailable, errors.ErrUnsupported)
}

// What a function executes is a program of its own, which may use the library again.
var runZooBinary = nsenter.NewFunc("run zoo", func(_ context.Context, path []byte) ([]byte, error) {
	cmd := exec.Command(string(path))
	cmd.Env = zooEnv("forgetful")
	return cmd.CombinedOutput()
})

func TestFuncMayRunItsOwnProgram(t *testing.T) {
	out, err := runZooBinary.Call(t.Context(), nil, []byte(zooBinary))
	if err != nil || !strings.Contains(string(out), "a program\n<nil>") {
		t.Errorf("%v: %s", err, out)
	}
}

func TestNewFuncPanics(t *testing.T) {
	nothing := func(context.Context, []byte) ([]byte, error) { return nil, nil }
	for _, test := range []struct {
		name, says string
		fn         func(context.Context, []byte) ([]byte, error)
	}{{"echo", "echo twice", nothing}, {"", "without a name", nothing}, {"nil function", "without", nil}} {
		func() {
			defer func() {
				if value := fmt.Sprint(recover()); !strings.Contains(value, test.says) {
					t.Errorf("NewFunc(%q) panics with %q", test.name, value)
				}
			}()
			nsenter.NewFunc(test.name, test.fn)
		}()
	}
}

func TestFuncMadeTooLate(t *testing.T) {
	late := nsenter.NewFunc("late", func(context.Context, []byte) ([]byte, error) { return []byte("ran"), nil })
	out, err := late.Call(t.Context(), nil, nil)
	if out != nil || err == nil || !strings.Contains(err.Error(), "late") || !strings.Contains(err.Error(), "while packages are initialised") {
		t.Errorf("%q, %v", out, err)
	}
}

func TestResultTooEarly(t *testing.T) {
	cmd := echo.Command(t.Context(), nil, nil)
	wantErrorSays(t, cmd, "Wait has not been called")
	mustStartFunc(t, cmd)
	wantErrorSays(t, cmd, "Wait has not been called")
	if err := cmd.Wait(); err != nil {
		t.Fatal(err)
	}
	if _, err := cmd.Result(); err != nil {
		t.Error(err)
	}
	if err := cmd.Start(); err == nil || !strings.Contains(err.Error(), "already started") {
		t.Errorf("the second Start: %v", err)
	}
}

func TestResultOfProgram(t *testing.T) {
	cmd := nsenter.Command(nil, "true")
	wantErrorSays(t, cmd, "a program, not a function")
	if err := cmd.Run(); err != nil {
		t.Fatal(err)
	}
	wantErrorSays(t, cmd, "a program, not a function")
}

func TestResultAfterFailedStart(t *testing.T) {
	cmd := echo.Command(t.Context(), nil, nil)
	cmd.Dir = "/nowhere/at/all"
	wantIs(t, cmd.Run(), os.ErrNotExist)
	wantErrorSays(t, cmd, "Wait has not been called")
}

func wantErrorSays(t *testing.T, cmd *nsenter.Cmd, text string) {
	t.Helper()
	if out, err := cmd.Result(); out != nil || err == nil || !strings.Contains(err.Error(), text) {
		t.Errorf("result is %q, %v", out, err)
	}
}
