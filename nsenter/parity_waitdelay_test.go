//go:build linux && cgo

package nsenter_test

import (
	"bytes"
	"context"
	"errors"
	"fmt"
	"io"
	"os"
	"os/exec"
	"os/signal"
	"slices"
	"strings"
	"sync"
	"syscall"
	"testing"
	"time"
)

func init() {
	addParityZoo(map[string]func([]string) error{
		"linger": linger,
		"nag":    nag,
	})
}

// linger closes stdout as soon as it is set up. Its arguments are what it does: "ignore" SIGINT, "obey" it with success, leave a
// "child" that holds stderr, and "stay" for a minute, or "fail".
func linger(arg []string) error {
	is := func(what string) bool { return slices.Contains(arg, what) }
	interrupted := make(chan os.Signal, 1)
	if is("ignore") || is("obey") {
		signal.Notify(interrupted, os.Interrupt)
	}
	if is("child") {
		child := exec.Command(os.Args[0], zooArgument+"nag")
		child.Stderr = os.Stderr
		if err := child.Start(); err != nil {
			return err
		}
	}
	os.Stdout.Close()
	for timeout := time.After(time.Minute); is("stay"); {
		select {
		case <-interrupted:
			if is("obey") {
				return nil
			}
		case <-timeout:
			return errors.New("nobody has ended it")
		}
	}
	if is("fail") {
		os.Exit(3)
	}
	return nil
}

// nag writes to stderr for a minute, or until nobody has it any more.
func nag([]string) error {
	for range 60_000 {
		if _, err := fmt.Fprintln(os.Stderr, "nag"); err != nil {
			return err
		}
		time.Sleep(time.Millisecond)
	}
	return nil
}

// ticks never ends: stdin is being copied all the time.
type ticks struct{}

func (ticks) Read(p []byte) (int, error) {
	time.Sleep(time.Millisecond)
	return copy(p, "tick\n"), nil
}

// buffer may be written to and read at once.
type buffer struct {
	mu sync.Mutex
	b  bytes.Buffer
}

func (b *buffer) Write(p []byte) (int, error) {
	b.mu.Lock()
	defer b.mu.Unlock()
	return b.b.Write(p)
}

func (b *buffer) String() string {
	b.mu.Lock()
	defer b.mu.Unlock()
	return b.b.String()
}

// delayed is a program that lingers, and what its Wait returns.
type delayed struct {
	name   string
	does   string
	signal os.Signal     // Cancel's; nil: no Cancel
	delay  time.Duration // WaitDelay
	cancel bool          // the context
	cause  error         // what Wait's error is, if it is no ExitError
	code   int           // the exit code
}

const aWhile = 10 * time.Millisecond

var waitDelays = []delayed{
	{name: "nothing is cancelled", does: ""},
	{name: "failure", does: "fail", code: 3},
	{name: "killed while a child holds stderr", does: "stay child", signal: os.Kill, delay: aWhile, cancel: true, code: -1},
	{name: "exits while a child holds stderr", does: "child", delay: aWhile, cause: exec.ErrWaitDelay},
	{name: "fails while a child holds stderr", does: "child fail", delay: aWhile, code: 3},
	{name: "interrupt ignored", does: "stay ignore", signal: os.Interrupt, delay: aWhile, cancel: true, code: -1},
	{name: "interrupt ignored, a child holds stderr", does: "stay ignore child", signal: os.Interrupt, delay: aWhile, cancel: true, code: -1},
	{name: "interrupt obeyed", does: "stay obey", signal: os.Interrupt, cancel: true, cause: context.Canceled},
	{name: "interrupt obeyed within WaitDelay", does: "stay obey", signal: os.Interrupt, delay: time.Hour, cancel: true, cause: context.Canceled},
	{name: "interrupt obeyed, a child holds stderr", does: "stay obey child", signal: os.Interrupt, delay: 500 * time.Millisecond, cancel: true, cause: context.Canceled},
	{name: "interrupt kills", does: "stay", signal: os.Interrupt, cancel: true, code: -1},
	{name: "quit", does: "stay", signal: syscall.SIGQUIT, cancel: true, code: 2}, // a Go program dumps its goroutines
	{name: "no Cancel, killed after WaitDelay", does: "stay", delay: aWhile, cancel: true, code: -1},
}

func TestParityWaitDelay(t *testing.T) {
	everyWay(t, func(t *testing.T, w *way) {
		for _, d := range waitDelays {
			if raceBuild && d.signal == syscall.SIGQUIT {
				continue // Go's dump has been seen to crash there, with os/exec as well
			}
			t.Run(d.name, func(t *testing.T) { d.run(t, w) })
		}
	})
}

func (d *delayed) run(t *testing.T, w *way) {
	ctx, cancel := context.WithCancel(t.Context())
	defer cancel()
	c, stderr := d.start(ctx, t, w)
	if d.cancel {
		cancel()
	}
	inTime(t, "Wait", func() {
		err := c.Wait()
		if d.code != 0 {
			wantExit(t, err, d.code)
		} else if !errors.Is(err, d.cause) {
			t.Errorf("Wait: %v, want %v", err, d.cause)
		}
	})
	if got := (*c.ProcessState).ExitCode(); got != d.code {
		t.Errorf("exit code is %d, want %d", got, d.code)
	}
	if dumps := d.signal == syscall.SIGQUIT; dumps != strings.Contains(stderr.String(), "\ngoroutine ") {
		t.Errorf("stderr is %.300q", stderr)
	}
}

// start returns when the program is set up.
func (d *delayed) start(ctx context.Context, t *testing.T, w *way) (*command, *buffer) {
	t.Helper()
	stderr := new(buffer)
	c := w.zooContext(ctx, "linger", strings.Fields(d.does)...)
	useParityZoo("nag")
	*c.Stdin, *c.Stderr, *c.WaitDelay, *c.Cancel = ticks{}, stderr, d.delay, nil
	if d.signal != nil {
		*c.Cancel = func() error { return (*c.Process).Signal(d.signal) }
	}
	ready := pipe(t, c.StdoutPipe)
	mustStart(t, c)
	if _, err := io.ReadAll(ready); err != nil {
		t.Error(err)
	}
	return c, stderr
}

// WaitDelay needs no context.
func TestParityWaitDelayWithoutContext(t *testing.T) {
	everyWay(t, func(t *testing.T, w *way) {
		c := w.zoo("linger", "child")
		*c.Stderr, *c.WaitDelay = new(buffer), aWhile
		inTime(t, "Run", func() {
			if err := c.Run(); err != exec.ErrWaitDelay { //nolint:errorlint // not wrapped
				t.Errorf("error is %v", err)
			}
		})
	})
}

// A child that holds a file that is not copied keeps nobody waiting.
func TestParityChildHoldsFile(t *testing.T) {
	everyWay(t, func(t *testing.T, w *way) {
		r, stderr, err := os.Pipe()
		if err != nil {
			t.Fatal(err)
		}
		c := w.zoo("linger", "child")
		*c.Stderr = stderr
		inTime(t, "Run", func() {
			if err := c.Run(); err != nil {
				t.Error(err)
			}
		})
		stderr.Close()
		r.Close() // which ends the child
	})
}

// A success is one although it came late: the context was done, but nobody did anything about it.
func TestParityLateSuccess(t *testing.T) {
	everyWay(t, func(t *testing.T, w *way) {
		ctx, cancel := context.WithCancel(t.Context())
		d := delayed{does: "stay obey", delay: time.Hour}
		c, _ := d.start(ctx, t, w)
		cancel()
		time.Sleep(time.Millisecond)
		if err := (*c.Process).Signal(os.Interrupt); err != nil {
			t.Error(err)
		}
		wantWait(t, c, nil)
	})
}
