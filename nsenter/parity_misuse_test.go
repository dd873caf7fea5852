//go:build linux && cgo

package nsenter_test

import (
	"context"
	"errors"
	"io"
	"strings"
	"testing"
)

func wantError(t *testing.T, what string, err error, says string) {
	t.Helper()
	if err == nil || !strings.Contains(err.Error(), says) {
		t.Errorf("%s: error is %v, want one that says %q", what, err, says)
	}
}

// A command runs once. A second Start changes nothing for the first: its pipes work on.
func TestParityStartTwice(t *testing.T) {
	everyWay(t, func(t *testing.T, w *way) {
		c := w.zoo("cat")
		stdin, stdout := pipe(t, c.StdinPipe), pipe(t, c.StdoutPipe)
		mustStart(t, c)
		wantError(t, "second Start", c.Start(), "already started")
		wantError(t, "Run after Start", c.Run(), "already started")
		_, err := io.WriteString(stdin, "through the first")
		if closeErr := stdin.Close(); err != nil || closeErr != nil {
			t.Error(err, closeErr)
		}
		if text, err := io.ReadAll(stdout); string(text) != "through the first" || err != nil {
			t.Errorf("read %q, %v", text, err)
		}
		if err := c.Wait(); err != nil {
			t.Error(err)
		}
		wantError(t, "Run after Wait", c.Run(), "already started")
	})
}

// Nor can it be started again when it could not be started.
func TestParityStartAfterFailure(t *testing.T) {
	everyWay(t, func(t *testing.T, w *way) {
		c := w.command("/no/such/program")
		if err := c.Start(); err == nil {
			t.Error("it started")
		}
		if *c.Process != nil {
			t.Errorf("process is %v", *c.Process)
		}
		wantError(t, "second Start", c.Start(), "already started")
		wantError(t, "Wait", c.Wait(), "not started")
	})
}

func TestParityWaitMisused(t *testing.T) {
	everyWay(t, func(t *testing.T, w *way) {
		c := w.command("/bin/false")
		wantError(t, "Wait before Start", c.Wait(), "not started")
		wantExit(t, c.Run(), 1)
		wantError(t, "second Wait", c.Wait(), "already called")
		if (*c.ProcessState).ExitCode() != 1 {
			t.Errorf("state is now %v", *c.ProcessState)
		}
	})
}

func TestParityPipeAfterStart(t *testing.T) {
	everyWay(t, func(t *testing.T, w *way) {
		c := w.command("/bin/true")
		mustStart(t, c)
		in, inErr := c.StdinPipe()
		out, outErr := c.StdoutPipe()
		stderr, stderrErr := c.StderrPipe()
		if inErr == nil || outErr == nil || stderrErr == nil || in != nil || out != nil || stderr != nil {
			t.Errorf("errors are %v, %v, %v", inErr, outErr, stderrErr)
		}
		if err := c.Wait(); err != nil {
			t.Error(err)
		}
	})
}

func TestParityPipeTwice(t *testing.T) {
	for _, w := range []*way{throughExec, throughNsenter} {
		c := w.command("/bin/true")
		pipe(t, c.StdinPipe)
		pipe(t, c.StdoutPipe)
		pipe(t, c.StderrPipe)
		_, in := c.StdinPipe()
		_, out := c.StdoutPipe()
		_, stderr := c.StderrPipe()
		_, output := c.Output()
		for name, err := range map[string]error{"StdinPipe": in, "StdoutPipe": out, "StderrPipe": stderr, "Output": output} {
			wantError(t, name, err, "already set")
		}
		if err := c.Run(); err != nil {
			t.Error(err)
		}
	}
}

// Err is what Start returns, as it is; the pipes are closed.
func TestParityErr(t *testing.T) {
	everyWay(t, func(t *testing.T, w *way) {
		refused := errors.New("refused by the caller")
		c := w.command("/bin/true")
		stdin := pipe(t, c.StdinPipe)
		*c.Err = refused
		if err := c.Run(); err != refused { //nolint:errorlint // not wrapped
			t.Errorf("error is %v", err)
		}
		if _, err := stdin.Write([]byte("x")); err == nil {
			t.Error("its stdin is open")
		}
	})
}

func TestParityNoProgram(t *testing.T) {
	for _, w := range []*way{throughExec, throughNsenter} {
		for name, c := range map[string]*command{"a literal": w.empty(), "a command": w.command("")} {
			if err := c.Run(); err == nil {
				t.Errorf("%s without a program runs", name)
			}
		}
	}
}

func TestParityNilContext(t *testing.T) {
	for _, w := range []*way{throughExec, throughNsenter} {
		func() {
			defer func() {
				if recover() == nil {
					t.Error("a nil context does not panic")
				}
			}()
			var none context.Context
			w.commandContext(none, "/bin/true")
		}()
	}
}

func TestParityCancelWithoutContext(t *testing.T) {
	for _, w := range []*way{throughExec, throughNsenter} {
		c := w.command("/bin/true")
		*c.Cancel = func() error { return nil }
		wantError(t, "Cancel without a context", c.Run(), "Cancel")
	}
}
