//go:build linux && cgo

package nsenter_test

import (
	"errors"
	"os/exec"
	"sync"
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
	baseline(t)
	good, bad := 1000, 200
	if testing.Short() {
		good, bad = 100, 20
	}
	target := testutil.Target(t, testutil.AllTypes)
	set := setOf(t, target.PID, ns.All)
	runs := make(chan *nsenter.Cmd)
	go func() {
		defer close(runs)
		for i := range good {
			runs <- nsenter.Command([]*ns.Set{nil, set}[i%2], "/bin/true")
		}
		for i := range bad {
			runs <- failing([]*ns.Set{nil, set}[i%2], i/2)
		}
	}()
	var workers sync.WaitGroup
	for range 4 {
		workers.Go(func() {
			for cmd := range runs {
				if err := cmd.Run(); (err == nil) != (cmd.Path == "/bin/true") {
					t.Errorf("%v: %v", cmd, err)
				}
			}
		})
	}
	workers.Wait()
}

// failing is a Cmd that fails to start, each time at another place.
func failing(set *ns.Set, i int) *nsenter.Cmd {
	cmd := nsenter.Command(set, "/bin/false")
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
	target := testutil.Target(t, uint64(ns.PID|ns.Mount))
	set := setOf(t, target.PID, ns.Type(target.Types))
	var payloads []*nsenter.Cmd
	for range 10 {
		cmd := nsenter.Command(set, "/bin/sleep", "1000")
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
}

// The library reaps a payload as soon as it exits; Wait has its status later.
func TestNoZombieBeforeWait(t *testing.T) {
	baseline(t)
	everywhere(t, func(t *testing.T, set *ns.Set) {
		cmd := exits(set, 7)
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
}
