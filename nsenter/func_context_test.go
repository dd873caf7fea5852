//go:build linux && cgo

package nsenter_test

import (
	"bufio"
	"context"
	"errors"
	"fmt"
	"io"
	"os"
	"testing"
	"time"

	"nsexec/internal/testutil"
	"nsexec/ns"
	"nsexec/nsenter"
)

// timeLeft is how long a function has, in ns.
var timeLeft = nsenter.Register("time left", func(ctx context.Context, _ struct{}) (time.Duration, error) {
	deadline, ok := ctx.Deadline()
	if !ok {
		return -1, ctx.Err()
	}
	return time.Until(deadline), ctx.Err()
})

// awaitEndFunc says that it runs, and returns when its context is done.
var awaitEndFunc = nsenter.NewFunc("await end", func(ctx context.Context, _ []byte) ([]byte, error) {
	fmt.Println("running")
	<-ctx.Done()
	return []byte("done"), context.Cause(ctx)
})

var ignoreContext = nsenter.NewFunc("ignore context", func(context.Context, []byte) ([]byte, error) {
	fmt.Println("running")
	time.Sleep(time.Hour)
	return nil, nil
})

// running starts a function that says that it runs, and waits until it has.
func running(t *testing.T, cmd *nsenter.Cmd) {
	t.Helper()
	stdout := pipe(t, cmd.StdoutPipe)
	mustStartFunc(t, cmd)
	if line, err := bufio.NewReader(stdout).ReadString('\n'); line != "running\n" {
		t.Fatalf("it says %q, %v", line, err)
	}
}

func TestFuncHasNoDeadline(t *testing.T) {
	left, err := timeLeft.Call(t.Context(), nil, struct{}{})
	if left != -1 || err != nil {
		t.Errorf("it has %v, %v", left, err)
	}
}

// A time namespace shifts the clocks, so that only what is left can cross.
func TestFuncDeadlineCrosses(t *testing.T) {
	for name, shift := range map[string]time.Duration{"same clocks": 0, "ahead": 5000 * time.Hour} {
		t.Run(name, func(t *testing.T) {
			ctx, cancel := context.WithTimeout(t.Context(), time.Hour)
			defer cancel()
			cmd := timeLeft.Command(ctx, nil, []byte("{}"))
			cmd.Unshare = ns.User | ns.Time
			cmd.MapRoot()
			cmd.New.Monotonic, cmd.New.Boottime = shift, shift
			var left time.Duration
			if _, err := fmt.Sscan(string(resultOf(t, cmd)), (*int64)(&left)); err != nil {
				t.Fatal(err)
			}
			if left > time.Hour || left < time.Hour-time.Minute {
				t.Errorf("it has %v", left)
			}
		})
	}
}

func TestFuncDeadlinePasses(t *testing.T) {
	everywhere(t, func(t *testing.T, set *ns.Set) {
		ctx, cancel := context.WithTimeout(t.Context(), time.Second)
		defer cancel()
		cmd := awaitEndFunc.Command(ctx, set, nil)
		begun := time.Now()
		err := cmd.Run()
		if err != nil {
			wantIs(t, err, context.DeadlineExceeded)
		}
		if took := time.Since(begun); took > testutil.Bound(1800*time.Millisecond) {
			t.Errorf("it took %v", took)
		}
		if _, err := cmd.Result(); !errors.Is(err, context.DeadlineExceeded) && !errors.Is(err, context.Canceled) {
			t.Errorf("the function's error is %v", err)
		}
	})
}

func TestFuncIsCancelled(t *testing.T) {
	everywhere(t, func(t *testing.T, set *ns.Set) {
		ctx, cancel := context.WithCancel(t.Context())
		defer cancel()
		cmd := awaitEndFunc.Command(ctx, set, nil)
		running(t, cmd)
		begun := time.Now()
		cancel()
		wantIs(t, cmd.Wait(), context.Canceled)
		if took := time.Since(begun); took > testutil.Bound(500*time.Millisecond) {
			t.Errorf("it took %v", took)
		}
		_, err := cmd.Result()
		wantIs(t, err, context.Canceled)
	})
}

// Cancelling is not killing: a function may still clean up.
func TestFuncThatIgnoresContextIsKilled(t *testing.T) {
	everywhere(t, func(t *testing.T, set *ns.Set) {
		ctx, cancel := context.WithCancel(t.Context())
		defer cancel()
		cmd := ignoreContext.Command(ctx, set, nil)
		cmd.WaitDelay = 200 * time.Millisecond
		running(t, cmd)
		begun := time.Now()
		cancel()
		wantExit(t, cmd.Wait(), -1)
		if took := time.Since(begun); took < 150*time.Millisecond || took > testutil.Bound(time.Second) {
			t.Errorf("it took %v", took)
		}
		wantNoResult(t, cmd)
	})
}

func TestFuncContextIsDoneBeforeStart(t *testing.T) {
	baseline(t)
	ctx, cancel := context.WithCancel(t.Context())
	cancel()
	cmd := echo.Command(ctx, nil, nil)
	cmd.BeforeExec = func(int) error { t.Error("something was started"); return nil }
	wantIs(t, cmd.Start(), context.Canceled)
	_, err := echo.Call(ctx, nil, nil)
	wantIs(t, err, context.Canceled)
}

func TestFuncContextIsDoneDuringBoot(t *testing.T) {
	baseline(t)
	for delay := time.Duration(0); delay < 8*time.Millisecond; delay += 200 * time.Microsecond {
		ctx, cancel := context.WithTimeout(t.Context(), delay)
		out, err := echo.Call(ctx, nil, []byte("x"))
		if err == nil && string(out) != "x" || err != nil && !errors.Is(err, context.DeadlineExceeded) {
			t.Errorf("after %v: %q, %v", delay, out, err)
		}
		cancel()
	}
}

// A caller that is gone is no longer to be served.
func TestFuncLearnsOfItsCallersDeath(t *testing.T) {
	r, w := osPipe(t)
	caller := callerInZoo(t, "dying caller", w)
	w.Close()
	line := bufio.NewReader(r)
	if text, err := line.ReadString('\n'); text != "running\n" {
		t.Fatalf("the function says %q, %v", text, err)
	}
	if err := caller.Process.Kill(); err != nil {
		t.Fatal(err)
	}
	_ = caller.Wait()
	inTime(t, "the function", func() {
		if rest, err := io.ReadAll(line); len(rest) > 0 || err != nil {
			t.Errorf("it says %q, %v", rest, err)
		}
	})
}

func init() {
	zoo["dying caller"] = func([]string) error {
		cmd := awaitEndFunc.Command(context.Background(), nil, nil)
		cmd.Stdout = os.Stdout
		return cmd.Run()
	}
}
