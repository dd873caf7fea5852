//go:build linux && cgo

package nsenter_test

import (
	"context"
	"errors"
	"fmt"
	"math/rand/v2"
	"os/exec"
	"os/signal"
	"sync"
	"syscall"
	"testing"
	"time"

	"golang.org/x/sys/unix"

	"nsexec/internal/testutil"
	"nsexec/ns"
	"nsexec/nsenter"
)

// kernelKeepsStatus: from Linux 6.15 a pidfd has the status of a process that somebody else has reaped.
func kernelKeepsStatus(t *testing.T) bool {
	t.Helper()
	var name unix.Utsname
	if err := unix.Uname(&name); err != nil {
		t.Fatal(err)
	}
	var major, minor int
	if _, err := fmt.Sscanf(unix.ByteSliceToString(name.Release[:]), "%d.%d", &major, &minor); err != nil {
		t.Fatal(err)
	}
	return major > 6 || major == 6 && minor >= 15
}

// checkLost looks at what Wait says of a payload that has exited with a status that somebody else took.
func checkLost(t *testing.T, err error, code int) {
	t.Helper()
	if code == 0 && err == nil && kernelKeepsStatus(t) {
		return
	}
	var lost *nsenter.LostStatusError
	if !errors.As(err, &lost) || !errors.Is(err, syscall.ECHILD) {
		t.Fatalf("exit %d: %v is no *LostStatusError", code, err)
	}
	if lost.Known != kernelKeepsStatus(t) {
		t.Errorf("exit %d: known is %v", code, lost.Known)
	}
	if lost.Known && (code == 0 || !lost.Status.Exited() || lost.Status.ExitStatus() != code) {
		t.Errorf("exit %d: status is %#x", code, lost.Status)
	}
}

func exits(set *ns.Set, code int) *nsenter.Cmd {
	return nsenter.Command(set, "/bin/sh", "-c", fmt.Sprintf("exit %d", code))
}

func TestWaitWhereSIGCHLDIsIgnored(t *testing.T) {
	if !alone(t) {
		return
	}
	baseline(t)
	target := testutil.Target(t, testutil.AllTypes)
	sets := []*ns.Set{nil, setOf(t, target.PID, ns.All)}
	signal.Ignore(syscall.SIGCHLD)
	defer signal.Reset(syscall.SIGCHLD)
	for _, set := range sets {
		for _, code := range []int{0, 1, 7, 255} {
			checkLost(t, exits(set, code).Run(), code)
		}
		killed := nsenter.Command(set, "/bin/sleep", "1000")
		if err := killed.Start(); err != nil {
			t.Fatal(err)
		}
		_ = killed.Process.Kill()
		var lost *nsenter.LostStatusError
		if err := killed.Wait(); !errors.As(err, &lost) || lost.Known && lost.Status.Signal() != syscall.SIGKILL {
			t.Errorf("killed: %v", err)
		}
		if err := nsenter.Command(set, "/no/such/program").Run(); !errors.Is(err, unix.ENOENT) {
			t.Errorf("failure to start: %v", err)
		}
	}
}

// Somebody waits for any child. Wait ends all the same, with the status or with what is left of it.
func TestWaitBesideRogueWait(t *testing.T) {
	if !alone(t) {
		return
	}
	baseline(t)
	target := testutil.Target(t, testutil.AllTypes)
	var stop sync.WaitGroup
	done := make(chan struct{})
	stop.Go(func() {
		for {
			select {
			case <-done:
				return
			default:
				_, _ = unix.Wait4(-1, nil, unix.WNOHANG, nil)
			}
		}
	})
	defer stop.Wait()
	defer close(done)
	for _, set := range []*ns.Set{nil, setOf(t, target.PID, ns.All)} {
		for i := range 50 {
			code := i % 3
			err := exits(set, code).Run()
			var exit *exec.ExitError
			switch {
			case code == 0 && err == nil:
			case errors.As(err, &exit):
				if exit.ExitCode() != code {
					t.Errorf("exit %d: %v", code, err)
				}
			default:
				checkLost(t, err, code)
			}
		}
	}
}

// Exits that come faster than Start returns all come back right.
func TestFastExits(t *testing.T) {
	baseline(t)
	n := 1000
	if testing.Short() {
		n = 100
	}
	everywhere(t, func(t *testing.T, set *ns.Set) {
		var workers sync.WaitGroup
		for w := range 4 {
			workers.Go(func() {
				for i := w; i < n/3; i += 4 {
					cmd := exits(set, i%256)
					err := cmd.Run()
					var exit *exec.ExitError
					if err != nil && !errors.As(err, &exit) || cmd.ProcessState.ExitCode() != i%256 {
						t.Errorf("exit %d: %v, %v", i%256, err, cmd.ProcessState)
					}
				}
			})
		}
		workers.Wait()
	})
}

// A context that is done at any time leaves nothing alive. Start reports it; from Wait on, what it did to the payload
// is reported first, as in os/exec.
func TestRandomCancels(t *testing.T) {
	baseline(t)
	n := 500
	if testing.Short() {
		n = 50
	}
	target := testutil.Target(t, testutil.AllTypes)
	set := setOf(t, target.PID, ns.All)
	var workers sync.WaitGroup
	for range 4 {
		workers.Go(func() {
			for range n / 4 {
				ctx, cancel := context.WithTimeout(context.Background(), rand.N(8*time.Millisecond))
				cmd := nsenter.CommandContext(ctx, set, "/bin/sleep", "1000")
				var exit *exec.ExitError
				if err := cmd.Run(); !errors.Is(err, context.DeadlineExceeded) && !errors.As(err, &exit) {
					t.Errorf("cancelled: %v", err)
				} else if exit != nil && exit.Sys().(syscall.WaitStatus).Signal() != syscall.SIGKILL {
					t.Errorf("cancelled: %v", exit)
				}
				cancel()
			}
		})
	}
	workers.Wait()
	for _, pid := range childrenOf(target.PID) {
		t.Errorf("process %d has moved in with the target", pid)
	}
}
