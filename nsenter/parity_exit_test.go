//go:build linux && cgo

package nsenter_test

import (
	"errors"
	"fmt"
	"os"
	"os/exec"
	"os/signal"
	"strconv"
	"syscall"
	"testing"
	"time"
)

func init() {
	addParityZoo(map[string]func([]string) error{
		"exit": func(arg []string) error {
			code, err := strconv.Atoi(arg[0])
			if err != nil {
				return err
			}
			os.Exit(code)
			return nil
		},
		"work": func([]string) error {
			var used syscall.Rusage
			for used.Utime.Nano()+used.Stime.Nano() < int64(30*time.Millisecond) {
				if err := syscall.Getrusage(syscall.RUSAGE_SELF, &used); err != nil {
					return err
				}
			}
			return nil
		},
		"die": func(arg []string) error {
			number, err := strconv.Atoi(arg[0])
			if err != nil {
				return err
			}
			signal.Reset()
			if err := syscall.Kill(os.Getpid(), syscall.Signal(number)); err != nil {
				return err
			}
			time.Sleep(time.Minute)
			return nil
		},
	})
}

func TestParityExitCode(t *testing.T) {
	everyWay(t, func(t *testing.T, w *way) {
		for _, code := range []int{1, 7, 42, 126, 127, 255} {
			c := w.zoo("exit", strconv.Itoa(code))
			err := c.Run()
			wantExit(t, err, code)
			if want := fmt.Sprintf("exit status %d", code); err == nil || err.Error() != want {
				t.Errorf("error is %v, want %q", err, want)
			}
			if state := *c.ProcessState; state.ExitCode() != code || state.Success() || !state.Exited() {
				t.Errorf("state is %v", state)
			}
		}
	})
}

func TestParitySuccess(t *testing.T) {
	everyWay(t, func(t *testing.T, w *way) {
		c := w.zoo("exit", "0")
		if code := (*c.ProcessState).ExitCode(); code != -1 {
			t.Errorf("before it is run the exit code is %d", code)
		}
		if err := c.Run(); err != nil {
			t.Fatal(err)
		}
		state := *c.ProcessState
		if !state.Success() || !state.Exited() || state.ExitCode() != 0 || state.String() != "exit status 0" {
			t.Errorf("state is %v", state)
		}
		if state.Pid() != (*c.Process).Pid || state.Pid() <= 0 {
			t.Errorf("state of %d, process %d", state.Pid(), (*c.Process).Pid)
		}
	})
}

func TestParityDeathBySignal(t *testing.T) {
	everyWay(t, func(t *testing.T, w *way) {
		for _, sig := range []syscall.Signal{syscall.SIGKILL, syscall.SIGTERM, syscall.SIGINT, syscall.SIGALRM} {
			c := w.shell(`kill -$1 $$`, strconv.Itoa(int(sig)))
			err := c.Run()
			wantExit(t, err, -1)
			if err == nil || err.Error() != "signal: "+sig.String() {
				t.Errorf("error is %v, want signal: %v", err, sig)
			}
			status, ok := (*c.ProcessState).Sys().(syscall.WaitStatus)
			if !ok || !status.Signaled() || status.Signal() != sig || (*c.ProcessState).Exited() {
				t.Errorf("status is %#x", status)
			}
		}
	})
}

func TestParityCoreDumpIsTold(t *testing.T) {
	everyWay(t, func(t *testing.T, w *way) {
		var want, got string
		for text, way := range map[*string]*way{&want: throughExec, &got: w} {
			c := way.shell(`ulimit -c 0; kill -ABRT $$`)
			wantExit(t, c.Run(), -1)
			*text = (*c.ProcessState).String()
		}
		if got != want {
			t.Errorf("state is %q, through os/exec %q", got, want)
		}
	})
}

// What the program used is told, as the kernel counted it.
func TestParityUsage(t *testing.T) {
	everyWay(t, func(t *testing.T, w *way) {
		c := w.zoo("work")
		if err := c.Run(); err != nil {
			t.Fatal(err)
		}
		state := *c.ProcessState
		if state.UserTime()+state.SystemTime() < 30*time.Millisecond {
			t.Errorf("used %v and %v", state.UserTime(), state.SystemTime())
		}
		if usage, ok := state.SysUsage().(*syscall.Rusage); !ok || usage.Maxrss < 1000 {
			t.Errorf("usage is %+v", state.SysUsage())
		}
	})
}

// The ExitError is the state of the process, and nothing wraps it.
func TestParityExitErrorIsState(t *testing.T) {
	everyWay(t, func(t *testing.T, w *way) {
		c := w.zoo("die", "15")
		err := c.Run()
		wantExit(t, err, -1)
		var exit *exec.ExitError
		if errors.As(err, &exit) && exit.ProcessState != *c.ProcessState {
			t.Error("it is another state")
		}
	})
}
