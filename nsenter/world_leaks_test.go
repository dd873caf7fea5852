//go:build linux && cgo

package nsenter_test

import (
	"errors"
	"os/exec"
	"syscall"
	"testing"
	"time"

	"golang.org/x/sys/unix"

	"nsexec/internal/testutil"
	"nsexec/ns"
	"nsexec/nsenter"
)

// After many runs, good and bad, the caller has the threads, files and children that it had before.
func TestNothingIsLeft(t *testing.T) {
	manyThreads(20)
	baseline(t)
	target := testutil.Target(t, testutil.AllTypes)
	sets := []*ns.Set{nil, setOf(t, target.PID, ns.All)}
	bothWays(t, func(t *testing.T, command starter) {
		atOnce(times(300, 1000), func(i int) {
			if err := command(sets[i%2], "/bin/true").Run(); err != nil {
				t.Errorf("run %d: %v", i, err)
			}
		})
		atOnce(times(60, 200), func(i int) {
			if err := failing(command, sets[i%2], i/2).Run(); err == nil {
				t.Errorf("failure %d has not failed", i)
			}
		})
	})
}

// failing is a Cmd that fails to start, each time at another place.
func failing(command starter, set *ns.Set, i int) *nsenter.Cmd {
	cmd := command(set, "/bin/false")
	switch i % 5 {
	case 0:
		cmd.Path = "/no/such/program"
	case 1:
		cmd.Dir = "/no/such/directory"
	case 2:
		cmd.BeforeExec = func(int) error { return errors.New("no") }
	case 3:
		cmd.BeforeExec = func(pid int) error { return syscall.Kill(pid, syscall.SIGKILL) }
	case 4:
		cmd.StartTimeout = time.Microsecond
	}
	return cmd
}

// A payload that nobody waits for must not keep a pid namespace from ending.
func TestTargetCanDie(t *testing.T) {
	baseline(t)
	bothWays(t, func(t *testing.T, command starter) {
		target := testutil.Target(t, uint64(ns.PID|ns.Mount))
		set := setOf(t, target.PID, ns.Type(target.Types))
		var payloads []*nsenter.Cmd
		for range 10 {
			cmd := command(set, "/bin/sleep", "1000")
			if err := cmd.Start(); err != nil {
				t.Fatal(err)
			}
			payloads = append(payloads, cmd)
		}
		begun := time.Now()
		target.Kill() // returns when its first process has been reaped, which is when the namespace is empty
		if took := time.Since(begun); took > testutil.Bound(time.Second) {
			t.Errorf("target died after %v", took)
		}
		for _, cmd := range payloads {
			var exit *exec.ExitError
			if err := cmd.Wait(); !errors.As(err, &exit) || exit.Sys().(syscall.WaitStatus).Signal() != syscall.SIGKILL {
				t.Errorf("payload of a dead target: %v", err)
			}
		}
	})
}

// The library reaps a payload as soon as it exits; Wait has its status later.
func TestNoZombieBeforeWait(t *testing.T) {
	baseline(t)
	everywhere(t, func(t *testing.T, set *ns.Set) {
		bothWays(t, func(t *testing.T, command starter) {
			cmd := exits(command, set, 7)
			if err := cmd.Start(); err != nil {
				t.Fatal(err)
			}
			testutil.Eventually(t, "end of the payload", func() bool {
				return errors.Is(syscall.Kill(cmd.Process.Pid, 0), unix.ESRCH)
			})
			if err := cmd.Process.Signal(syscall.SIGTERM); err == nil {
				t.Error("a payload that has been reaped takes a signal")
			}
			var exit *exec.ExitError
			if err := cmd.Wait(); !errors.As(err, &exit) || exit.ExitCode() != 7 {
				t.Errorf("exit 7 came back as %v", err)
			}
		})
	})
}
