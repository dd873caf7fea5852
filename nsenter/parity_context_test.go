//go:build linux && cgo

package nsenter_test

import (
	"context"
	"errors"
	"fmt"
	"io"
	"os"
	"sync/atomic"
	"testing"
	"time"

	"nsexec/internal/testutil"
)

// talking starts a cat that is known to be running: it has answered. Its stdin and stdout are the pipes.
func talking(ctx context.Context, t *testing.T, w *way, set func(c *command)) (c *command, stdin io.WriteCloser, stdout io.Reader) {
	t.Helper()
	c = w.zooContext(ctx, "cat")
	stdin, stdout = pipe(t, c.StdinPipe), pipe(t, c.StdoutPipe)
	if set != nil {
		set(c)
	}
	mustStart(t, c)
	if _, err := io.WriteString(stdin, "hello"); err != nil {
		t.Fatal(err)
	}
	if _, err := io.ReadFull(stdout, make([]byte, 5)); err != nil {
		t.Fatal(err)
	}
	return c, stdin, stdout
}

// wantWait asserts what Wait returns, in time: nil, or an error that is cause.
func wantWait(t *testing.T, c *command, cause error) {
	t.Helper()
	inTime(t, "Wait", func() {
		if err := c.Wait(); !errors.Is(err, cause) {
			t.Errorf("Wait: %v, want %v", err, cause)
		}
	})
}

// wantKilled asserts that Wait returns, in time, that the program was killed.
func wantKilled(t *testing.T, c *command) {
	t.Helper()
	inTime(t, "Wait", func() {
		err := c.Wait()
		wantExit(t, err, -1)
		if err == nil || err.Error() != "signal: killed" {
			t.Errorf("Wait: %v", err)
		}
	})
}

// A context that is never done changes nothing.
func TestParityContextUnused(t *testing.T) {
	everyWay(t, func(t *testing.T, w *way) {
		ctx, cancel := context.WithCancel(t.Context())
		defer cancel()
		for _, ctx := range []context.Context{context.Background(), ctx} {
			if err := w.commandContext(ctx, "/bin/true").Run(); err != nil {
				t.Error(err)
			}
			wantExit(t, w.commandContext(ctx, "/bin/false").Run(), 1)
		}
	})
}

// A context that is done already starts nothing, and calls no Cancel.
func TestParityContextDone(t *testing.T) {
	everyWay(t, func(t *testing.T, w *way) {
		cancelled, cancel := context.WithCancel(t.Context())
		cancel()
		late, cancel := context.WithDeadline(t.Context(), time.Now().Add(-time.Second))
		defer cancel()
		marker := openDir(t) + "/started"
		for _, ctx := range []context.Context{cancelled, late} {
			c := w.commandContext(ctx, "/bin/touch", marker)
			stdin := pipe(t, c.StdinPipe)
			*c.Cancel = func() error { t.Error("Cancel was called"); return nil }
			wantCause(t, "Run", c.Run(), ctx.Err())
			if _, err := stdin.Write([]byte("x")); !errors.Is(err, os.ErrClosed) {
				t.Errorf("its stdin: %v", err)
			}
			if *c.Process != nil {
				t.Errorf("process is %v", *c.Process)
			}
		}
		if _, err := os.Stat(marker); err == nil {
			t.Error("the program ran")
		}
	})
}

// When the context is done the program is killed, before Wait is called and during it.
func TestParityContextKills(t *testing.T) {
	everyWay(t, func(t *testing.T, w *way) {
		ctx, cancel := context.WithCancel(t.Context())
		c, stdin, stdout := talking(ctx, t, w, nil)
		cancel()
		inTime(t, "a program that is to be killed", func() { _, _ = io.ReadAll(stdout) })
		testutil.Eventually(t, "stdin of the killed program is closed", func() bool {
			_, err := io.WriteString(stdin, "anybody?")
			return err != nil
		})
		wantKilled(t, c)

		ctx, cancel = context.WithCancel(t.Context())
		c, _, _ = talking(ctx, t, w, nil)
		time.AfterFunc(5*time.Millisecond, cancel)
		wantKilled(t, c)
	})
}

func TestParityDeadline(t *testing.T) {
	everyWay(t, func(t *testing.T, w *way) {
		begin := time.Now()
		c, stdin, _ := talking(t.Context(), t, w, nil)
		ample := 100*time.Millisecond + 10*time.Since(begin) // a busy machine takes longer to come to the program
		stdin.Close()
		wantWait(t, c, nil)

		ctx, cancel := context.WithTimeout(t.Context(), ample)
		defer cancel()
		c, _, _ = talking(ctx, t, w, nil)
		wantKilled(t, c)
		if ctx.Err() == nil {
			t.Error("before the deadline")
		}
	})
}

// A Cancel that asks the program to end, which it does with success: then Wait tells why it did.
func TestParityCancelAsks(t *testing.T) {
	everyWay(t, func(t *testing.T, w *way) {
		ctx, cancel := context.WithCancel(t.Context())
		var stdin io.WriteCloser
		c, in, _ := talking(ctx, t, w, func(c *command) { *c.Cancel = func() error { return stdin.Close() } })
		stdin = in
		cancel()
		wantWait(t, c, context.Canceled)
		if code := (*c.ProcessState).ExitCode(); code != 0 {
			t.Errorf("exit code is %d", code)
		}
	})
}

// A nil Cancel does nothing: the program goes on.
func TestParityNilCancel(t *testing.T) {
	everyWay(t, func(t *testing.T, w *way) {
		for _, delay := range []time.Duration{0, time.Hour} {
			ctx, cancel := context.WithCancel(t.Context())
			c, stdin, stdout := talking(ctx, t, w, func(c *command) { *c.Cancel, *c.WaitDelay = nil, delay })
			cancel()
			time.Sleep(5 * time.Millisecond)
			if _, err := io.WriteString(stdin, "still there?"); err != nil {
				t.Error(err)
			}
			if _, err := io.ReadFull(stdout, make([]byte, 12)); err != nil {
				t.Error(err)
			}
			stdin.Close()
			wantWait(t, c, nil)
		}
	})
}

// What Cancel returns is Wait's if the program ended well, and if it does not say that it had ended before.
func TestParityCancelErrors(t *testing.T) {
	odd := errors.New("an odd error")
	done := fmt.Errorf("it was over: %w", os.ErrProcessDone)
	everyWay(t, func(t *testing.T, w *way) {
		for _, test := range []struct{ cancel, want error }{{odd, odd}, {done, nil}, {os.ErrProcessDone, nil}, {nil, context.Canceled}} {
			ctx, cancel := context.WithCancel(t.Context())
			called := make(chan struct{})
			c, stdin, _ := talking(ctx, t, w, func(c *command) {
				*c.Cancel = func() error { close(called); return test.cancel }
			})
			cancel()
			<-called
			stdin.Close()
			inTime(t, "Wait", func() {
				if err := c.Wait(); !errors.Is(err, test.want) || test.want == odd && err == odd { //nolint:errorlint // it must be wrapped
					t.Errorf("Cancel returns %v: Wait %v, want %v", test.cancel, err, test.want)
				}
			})
		}
	})
}

// How the program ended counts more than what Cancel returned; WaitDelay after it, it is killed.
func TestParityCancelFailsAndProgramToo(t *testing.T) {
	everyWay(t, func(t *testing.T, w *way) {
		for _, cause := range []error{errors.New("an odd error"), os.ErrProcessDone, nil} {
			ctx, cancel := context.WithCancel(t.Context())
			var called atomic.Bool
			c, stdin, _ := talking(ctx, t, w, func(c *command) {
				*c.Cancel = func() error { called.Store(true); return cause }
				*c.WaitDelay = time.Millisecond
			})
			cancel()
			wantKilled(t, c)
			stdin.Close()
			if !called.Load() {
				t.Error("Cancel was not called")
			}

			ctx, cancel = context.WithCancel(t.Context())
			ready := make(chan struct{})
			failing := w.commandContext(ctx, "/bin/sh", "-c", "read line; exit 4")
			*failing.Cancel = func() error { close(ready); return cause }
			in := pipe(t, failing.StdinPipe)
			mustStart(t, failing)
			cancel()
			<-ready
			in.Close()
			wantExit(t, failing.Wait(), 4)
		}
	})
}
