//go:build linux && cgo

package nsenter_test

import (
	"context"
	"errors"
	"fmt"
	"os"
	"syscall"
	"testing"
	"time"

	"nsexec/internal/testutil"
	"nsexec/ns"
	"nsexec/nsenter"
)

const (
	timeout = 150 * time.Millisecond // for a Start that is held up
	grace   = 200 * time.Millisecond // by which it may be late
)

// A step is one that a stage takes. The caller hears of some too late to keep the payload from being executed: of
// exec itself, and of those of a stage 0 that goes on to clone and ends.
type step struct {
	nsenter.Step
	late bool
}

// stepsOf are the steps that the stages of a set take.
func stepsOf(t *testing.T, set *ns.Set) (steps []step) {
	t.Helper()
	cmd := nsenter.Command(set, "/bin/true")
	cmd.Trace = func(now nsenter.Step) { steps = append(steps, step{now, now.Op == "exec"}) }
	if err := cmd.Run(); err != nil {
		t.Fatal(err)
	}
	for i := range steps {
		if steps[i].Stage == nsenter.Stage0 && set != nil && set.Handle(ns.PID) != nil {
			steps[i].late = true
		}
	}
	return steps
}

// atEveryStep runs a test once for each step that the stages take. Its do is called when the caller hears of the
// step, with the pid of who has taken it.
func atEveryStep(t *testing.T, test func(t *testing.T, step step, cmd func(do func(pid int)) *nsenter.Cmd)) {
	everywhere(t, func(t *testing.T, set *ns.Set) {
		for i, step := range stepsOf(t, set) {
			t.Run(fmt.Sprintf("%v, %s", step.Stage, step.Op), func(t *testing.T) {
				test(t, step, func(do func(pid int)) *nsenter.Cmd {
					cmd := nsenter.Command(set, "/bin/sleep", "1000")
					n := 0
					cmd.Trace = func(now nsenter.Step) {
						if n == i {
							do(now.PID)
						}
						n++
					}
					return cmd
				})
			})
		}
	})
}

// checkTime: Start must return an error, as soon as it may and no later.
func checkTime(t *testing.T, begun time.Time, after time.Duration, err error) {
	t.Helper()
	if took := time.Since(begun); took < after || took > after+testutil.Bound(grace) {
		t.Errorf("Start took %v instead of %v: %v", took, after, err)
	}
}

func send(t *testing.T, sig syscall.Signal) func(pid int) {
	return func(pid int) {
		if err := syscall.Kill(pid, sig); err != nil && err != syscall.ESRCH {
			t.Errorf("send %v to %d: %v", sig, pid, err)
		}
	}
}

// endIfStarted ends what the test was too late to prevent.
func endIfStarted(t *testing.T, cmd *nsenter.Cmd, step step, err error) bool {
	t.Helper()
	if err != nil {
		return false
	}
	if !step.late {
		t.Errorf("Start succeeds")
	}
	_ = cmd.Process.Kill()
	_ = cmd.Wait()
	return true
}

func TestStopAtEveryStep(t *testing.T) {
	baseline(t)
	atEveryStep(t, func(t *testing.T, step step, command func(func(int)) *nsenter.Cmd) {
		cmd := command(send(t, syscall.SIGSTOP))
		cmd.StartTimeout = timeout
		begun := time.Now()
		err := cmd.Start()
		if endIfStarted(t, cmd, step, err) {
			return
		}
		checkTime(t, begun, timeout, err)
		var e *nsenter.Error
		if !errors.As(err, &e) || !errors.Is(err, os.ErrDeadlineExceeded) || errors.Is(err, context.DeadlineExceeded) {
			t.Errorf("error is %+v", err)
		}
	})
}

func TestKillAtEveryStep(t *testing.T) {
	baseline(t)
	atEveryStep(t, func(t *testing.T, step step, command func(func(int)) *nsenter.Cmd) {
		cmd := command(send(t, syscall.SIGKILL))
		begun := time.Now()
		err := cmd.Start()
		if endIfStarted(t, cmd, step, err) {
			return
		}
		checkTime(t, begun, 0, err)
		var e *nsenter.Error
		if !errors.As(err, &e) || e.Err == nil && e.Errno == 0 {
			t.Errorf("error is %+v", err)
		}
	})
}

// A stage is stopped, so that only the context can end Start.
func TestCancelAtEveryStep(t *testing.T) {
	baseline(t)
	everywhere(t, func(t *testing.T, set *ns.Set) {
		for i, step := range stepsOf(t, set) {
			t.Run(fmt.Sprintf("%v, %s", step.Stage, step.Op), func(t *testing.T) {
				ctx, cancel := context.WithCancel(context.Background())
				defer cancel()
				cmd := nsenter.CommandContext(ctx, set, "/bin/sleep", "1000")
				n := 0
				var cancelled time.Time
				cmd.Trace = func(now nsenter.Step) {
					if n == i {
						send(t, syscall.SIGSTOP)(now.PID)
						cancelled = time.Now()
						cancel()
					}
					n++
				}
				err := cmd.Start()
				if endIfStarted(t, cmd, step, err) {
					return
				}
				checkTime(t, cancelled, 0, err)
				var e *nsenter.Error
				if !errors.As(err, &e) || !errors.Is(err, context.Canceled) {
					t.Errorf("error is %+v", err)
				}
			})
		}
	})
}

func TestContextDeadline(t *testing.T) {
	baseline(t)
	everywhere(t, func(t *testing.T, set *ns.Set) {
		begun := time.Now()
		ctx, cancel := context.WithTimeout(context.Background(), timeout)
		defer cancel()
		cmd := nsenter.CommandContext(ctx, set, "/bin/sleep", "1000")
		cmd.BeforeExec = func(pid int) error { return syscall.Kill(pid, syscall.SIGSTOP) }
		err := cmd.Start()
		checkTime(t, begun, timeout, err)
		if !errors.Is(err, context.DeadlineExceeded) {
			t.Errorf("error is %+v", err)
		}
	})
}

// The target ends while its namespaces are being joined: whatever comes of it, it comes soon.
func TestTargetKilledAtEveryStep(t *testing.T) {
	baseline(t)
	probe := testutil.Target(t, testutil.AllTypes)
	for i, step := range stepsOf(t, setOf(t, probe.PID, ns.All)) {
		t.Run(fmt.Sprintf("%v, %s", step.Stage, step.Op), func(t *testing.T) {
			target := testutil.Target(t, testutil.AllTypes)
			cmd := nsenter.Command(setOf(t, target.PID, ns.All), "/bin/sleep", "1000")
			n := 0
			cmd.Trace = func(nsenter.Step) {
				if n == i {
					send(t, syscall.SIGKILL)(target.PID)
				}
				n++
			}
			begun := time.Now()
			err := cmd.Start()
			if err == nil { // executed before the kernel had killed it
				err = cmd.Wait()
			}
			// The kernel may have a lot to do to end a target; a Start that waited for itself would take its 30 s.
			if took := time.Since(begun); took > testutil.Bound(10*time.Second) {
				t.Errorf("it took %v: %v", took, err)
			}
			if err == nil {
				t.Error("a payload that cannot have ended by itself has")
			}
		})
	}
}
