//go:build linux && cgo

package main

import (
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"io"
	"os"
	"runtime"
	"runtime/debug"
	"time"

	"golang.org/x/sys/unix"

	"nsexec/internal/procfs"
	"nsexec/ns"
	"nsexec/nsenter"
)

// order is what the driver tells the caller: to start a payload within a time, and then to end it.
type order struct {
	Start time.Duration
	End   bool
}

// outcome is what has come of an order.
type outcome struct {
	Failure *failure // nil: success
	Took    time.Duration
	PID     int
	Inodes  map[string]uint64 // of a function's payload
}

// failure is Start's error, or Wait's.
type failure struct {
	Whole    bool // it is an *nsenter.Error
	Stage    nsenter.Stage
	Op       string
	Type     ns.Type
	Errno    unix.Errno
	Deadline bool   // it is a context.DeadlineExceeded, or StartTimeout
	Gone     bool   // it is an ns.ErrProcessGone, and an ESRCH
	Cause    string // what it unwraps to
	Text     string
}

func describe(err error) *failure {
	if err == nil {
		return nil
	}
	f := &failure{Text: err.Error()}
	f.Deadline = errors.Is(err, context.DeadlineExceeded) || errors.Is(err, os.ErrDeadlineExceeded)
	f.Gone = errors.Is(err, ns.ErrProcessGone) && errors.Is(err, unix.ESRCH)
	var e *nsenter.Error
	if errors.As(err, &e) {
		f.Whole, f.Stage, f.Op, f.Type, f.Errno = true, e.Stage, e.Op, e.Type, e.Errno
		f.Cause = fmt.Sprint(e.Unwrap())
	}
	return f
}

// starter is the caller: what it starts payloads with.
type starter struct {
	scenario *scenario
	set      *ns.Set
	launcher *nsenter.Launcher

	cmd    *nsenter.Cmd
	cancel context.CancelFunc // of the payload that runs
	stdin  *os.File           // its end is the payload's; nil: none runs
}

// runCaller serves the driver. Start is always called on the same thread, so that its calls can be told from others'.
func runCaller(arg []string) error {
	runtime.LockOSThread()
	debug.SetGCPercent(-1) // between cases only, by hand
	s := new(starter)
	if err := s.prepare(arg); err != nil {
		return err
	}
	control := os.NewFile(controlFD, "driver")
	orders, outcomes := json.NewDecoder(control), json.NewEncoder(control)
	for {
		var o order
		if err := orders.Decode(&o); err != nil {
			return nil // the driver has closed it, or is gone
		}
		var result outcome
		if o.End {
			result = s.end()
		} else {
			result = s.start(o.Start)
		}
		if err := outcomes.Encode(result); err != nil {
			return err
		}
		if o.End {
			runtime.GC()
		}
	}
}

// prepare takes the scenario's name and the target's pid.
func (s *starter) prepare(arg []string) (err error) {
	if s.scenario, err = scenarioNamed(arg[0]); err != nil {
		return err
	}
	var pid int
	if _, err := fmt.Sscan(arg[1], &pid); err != nil {
		return err
	}
	if s.set, err = ns.OfPID(pid, s.scenario.Join); err != nil {
		return err
	}
	if s.scenario.Launcher == launched {
		if s.launcher, err = nsenter.NewLauncher(); err != nil {
			return err
		}
	}
	if _, err := ns.Supported(); err != nil { // keeps a root of procfs open, and so do hints
		return err
	}
	// What tells exec from death in procfs is kept as well, and needed only where the kernel does not.
	_, err = procfs.ReadPID(os.Getpid(), "stat")
	return err
}

// start starts a payload that waits until its standard input ends.
func (s *starter) start(timeout time.Duration) (result outcome) {
	theirs, ours, err := os.Pipe()
	if err != nil {
		return outcome{Failure: describe(err)}
	}
	defer theirs.Close()
	var ctx context.Context
	ctx, s.cancel = context.WithTimeout(context.Background(), timeout)
	mark(markBegin)
	begun := time.Now()
	if s.cmd, err = s.command(ctx, timeout); err == nil {
		s.cmd.Stdin = theirs
		err = s.cmd.Start()
	}
	result.Took = time.Since(begun)
	mark(markEnd)
	if err != nil {
		s.cancel()
		ours.Close()
		result.Failure = describe(err)
		return result
	}
	s.stdin, result.PID = ours, s.cmd.Process.Pid
	return result
}

func mark(option int) { _ = unix.Prctl(option, 0, 0, 0, 0) }

func (s *starter) command(ctx context.Context, timeout time.Duration) (cmd *nsenter.Cmd, err error) {
	if s.scenario.Launcher == fresh {
		if s.launcher, err = nsenter.NewLauncher(nsenter.LauncherTimeout(timeout)); err != nil {
			return nil, err
		}
	}
	switch {
	case s.scenario.Function && s.launcher != nil:
		cmd = s.launcher.Func(tellInodes).Command(ctx, s.set, nil)
	case s.scenario.Function:
		cmd = tellInodes.Command(ctx, s.set, nil)
	case s.launcher != nil:
		cmd = s.launcher.CommandContext(ctx, s.set, "/bin/cat")
	default:
		cmd = nsenter.CommandContext(ctx, s.set, "/bin/cat")
	}
	cmd.Cancel = func() error { return os.ErrProcessDone } // the context is Start's
	if s.scenario.Create {
		s.createUser(cmd)
	}
	return cmd, nil
}

func (s *starter) createUser(cmd *nsenter.Cmd) {
	if os.Geteuid() != 0 || !isInitialUserns() {
		cmd.MapRoot()
		return
	}
	cmd.Unshare = ns.User
	cmd.New.UIDMappings = []nsenter.IDMap{{HostID: firstID, Size: manyIDs}}
	cmd.New.GIDMappings = cmd.New.UIDMappings
}

// end lets the payload end, and a fresh launcher.
func (s *starter) end() (result outcome) {
	var err error
	if s.stdin != nil {
		s.stdin.Close()
		err = s.cmd.Wait()
		s.cancel()
		if err == nil && s.scenario.Function {
			var out []byte
			if out, err = s.cmd.Result(); err == nil {
				err = json.Unmarshal(out, &result.Inodes)
			}
		}
		s.stdin = nil
	}
	if s.scenario.Launcher == fresh && s.launcher != nil {
		err = errors.Join(err, s.launcher.Close())
		s.launcher = nil
	}
	result.Failure = describe(err)
	return result
}

// tellInodes is the function: where it is. It runs until its standard input ends.
var tellInodes = nsenter.NewFunc("inodes", func(context.Context, []byte) ([]byte, error) {
	if _, err := io.Copy(io.Discard, os.Stdin); err != nil {
		return nil, err
	}
	inodes, err := inodesOf("/proc/self")
	if err != nil {
		return nil, err
	}
	return json.Marshal(inodes)
})
