//go:build linux && cgo

package nsenter_test

import (
	"errors"
	"fmt"
	"os/exec"
	"os/signal"
	"sync"
	"syscall"
	"testing"

	"golang.org/x/sys/unix"

	"nsexec/internal/kernel"
	"nsexec/internal/testutil"
	"nsexec/ns"
	"nsexec/nsenter"
)

// statusKeptSince is the Linux from which a pidfd has the status of a process that somebody else has reaped (PIDFD_INFO_EXIT).
const statusKeptSince = "6.15"

func kernelKeepsStatus(t *testing.T) bool {
	t.Helper()
	if testutil.Hidden("ioctl:pidfd") {
		return false
	}
	keeps, err := kernel.AtLeast(statusKeptSince)
	if err != nil {
		t.Fatal(err)
	}
	return keeps
}

// checkLost looks at what Wait says of a payload that has exited with a status that somebody else took.
func checkLost(t *testing.T, err error, code int) {
	t.Helper()
	// Without one of these Go's os has no pidfd, or the payload's own does not come with what it says: what the reaper opens
	// itself may be too late.
	late := testutil.Hidden(append(testutil.PIDFDCalls, "setsockopt:SO_PASSPIDFD")...)
	if code == 0 && err == nil && kernelKeepsStatus(t) {
		return
	}
	var lost *nsenter.LostStatusError
	if !errors.As(err, &lost) || !errors.Is(err, syscall.ECHILD) {
		t.Fatalf("exit %d: %v is no *LostStatusError", code, err)
	}
	if lost.Known != kernelKeepsStatus(t) && !late {
		t.Errorf("exit %d: known is %v", code, lost.Known)
	}
	if lost.Known && (code == 0 || !lost.Status.Exited() || lost.Status.ExitStatus() != code) {
		t.Errorf("exit %d: status is %#x", code, lost.Status)
	}
}

func exits(command starter, set *ns.Set, code int) *nsenter.Cmd {
	return command(set, "/bin/sh", "-c", fmt.Sprintf("exit %d", code))
}

// lostAlone runs a test in a process of its own, outside of any set and in one of all types, both ways.
func lostAlone(t *testing.T, test func(t *testing.T, command starter, set *ns.Set)) {
	t.Helper()
	if !alone(t) {
		return
	}
	manyThreads(20)
	baseline(t)
	target := testutil.Target(t, testutil.AllTypes)
	for name, set := range map[string]*ns.Set{"nowhere": nil, "everything": setOf(t, target.PID, ns.All)} {
		t.Run(name, func(t *testing.T) {
			bothWays(t, func(t *testing.T, command starter) { test(t, command, set) })
		})
	}
}

func TestWaitWhereSIGCHLDIsIgnored(t *testing.T) {
	lostAlone(t, func(t *testing.T, command starter, set *ns.Set) {
		signal.Ignore(syscall.SIGCHLD)
		defer signal.Reset(syscall.SIGCHLD)
		for _, code := range []int{0, 1, 7, 127, 255} {
			checkLost(t, exits(command, set, code).Run(), code)
		}
		killed := command(set, "/bin/sleep", "1000")
		if err := killed.Start(); err != nil {
			t.Fatal(err)
		}
		_ = killed.Process.Kill()
		var lost *nsenter.LostStatusError
		if err := killed.Wait(); !errors.As(err, &lost) || lost.Known && lost.Status.Signal() != syscall.SIGKILL {
			t.Errorf("killed: %v", err)
		}
		if err := command(set, "/no/such/program").Run(); !errors.Is(err, unix.ENOENT) {
			t.Errorf("failure to start: %v", err)
		}
		atOnce(times(40, 5000), func(i int) { checkLost(t, exits(command, set, i%256).Run(), i%256) })
	})
}

// Somebody waits for any child. Wait ends all the same, with the status or with what is left of it.
func TestWaitBesideRogueWait(t *testing.T) {
	lostAlone(t, func(t *testing.T, command starter, set *ns.Set) {
		done := make(chan struct{})
		var rogue sync.WaitGroup
		rogue.Go(func() { waitForAny(done) })
		defer rogue.Wait()
		defer close(done)
		atOnce(times(40, 5000), func(i int) { checkStolen(t, exits(command, set, i%256).Run(), i%256) })
	})
}

func waitForAny(done <-chan struct{}) {
	for {
		select {
		case <-done:
			return
		default:
			_, _ = unix.Wait4(-1, nil, unix.WNOHANG, nil)
		}
	}
}

// checkStolen is checkLost for a status that perhaps nobody else took.
func checkStolen(t *testing.T, err error, code int) {
	t.Helper()
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

// Exits that come faster than Start returns all come back right.
func TestFastExits(t *testing.T) {
	manyThreads(20)
	baseline(t)
	everywhere(t, func(t *testing.T, set *ns.Set) {
		bothWays(t, func(t *testing.T, command starter) {
			atOnce(times(200, 10_000), func(i int) {
				cmd := exits(command, set, i%256)
				err := cmd.Run()
				var exit *exec.ExitError
				if err != nil && !errors.As(err, &exit) || cmd.ProcessState.ExitCode() != i%256 {
					t.Errorf("exit %d: %v, %v", i%256, err, cmd.ProcessState)
				}
			})
		})
	})
}
