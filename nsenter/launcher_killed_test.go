//go:build linux && cgo

package nsenter_test

import (
	"context"
	"errors"
	"fmt"
	"math/rand/v2"
	"os"
	"sync"
	"syscall"
	"testing"
	"time"

	"golang.org/x/sys/unix"

	"nsexec/internal/testutil"
	"nsexec/ns"
	"nsexec/nsenter"
)

// runs is a payload by a launcher that must succeed.
func runs(t testing.TB, l *nsenter.Launcher, set *ns.Set) {
	t.Helper()
	if err := l.Command(set, "/bin/true").Run(); err != nil {
		t.Error(err)
	}
}

// signalLauncher returns when a launcher that is to stop has stopped, with all its threads.
func signalLauncher(t testing.TB, l *nsenter.Launcher, sig syscall.Signal) {
	t.Helper()
	if err := syscall.Kill(l.PID(), sig); err != nil {
		t.Fatal(err)
	}
	if sig == syscall.SIGSTOP {
		if err := unix.Waitid(unix.P_PID, l.PID(), nil, unix.WSTOPPED|unix.WNOWAIT, nil); err != nil {
			t.Fatal(os.NewSyscallError("waitid", err))
		}
	}
}

// isLauncherError tells whether that is how a call ends that was under way when its launcher did.
func isLauncherError(err error) bool {
	var e *nsenter.Error
	return errors.As(err, &e) && e.Stage == nsenter.StageLauncher && e.Err != nil
}

func TestLauncherKilledIsStartedAgain(t *testing.T) {
	baseline(t)
	l := newLauncher(t)
	everywhere(t, func(t *testing.T, set *ns.Set) {
		before := enterBy(t, l, set, nsenter.JoinAuto)
		for range 10 {
			old := l.PID()
			signalLauncher(t, l, syscall.SIGKILL)
			testutil.Eventually(t, "end of the launcher", func() bool { return syscall.Kill(old, 0) == syscall.ESRCH })
			runs(t, l, set)
			if l.PID() == old {
				t.Errorf("the launcher is still %d", old)
			}
		}
		before.end(t) // it has outlived them all
	})
}

// It is stopped, so that the calls have been sent, and then killed.
func TestLauncherKilledDuringCalls(t *testing.T) {
	manyThreads(50)
	baseline(t)
	l := newLauncher(t)
	everywhere(t, func(t *testing.T, set *ns.Set) {
		signalLauncher(t, l, syscall.SIGSTOP)
		var calls sync.WaitGroup
		for range 4 {
			calls.Go(func() {
				if err := l.Command(set, "/bin/true").Run(); !isLauncherError(err) {
					t.Errorf("error is %#v", err)
				}
			})
		}
		time.Sleep(100 * time.Millisecond)
		signalLauncher(t, l, syscall.SIGKILL)
		calls.Wait()
		runs(t, l, set)
	})
}

// Killed at any time: what has got its stage 0 already goes on, and all else fails as it is said to.
func TestLauncherKilledAtAnyTime(t *testing.T) {
	manyThreads(50)
	baseline(t)
	l := newLauncher(t)
	set := setOf(t, testutil.Target(t, testutil.AllTypes).PID, ns.All)
	ctx, cancel := context.WithTimeout(t.Context(), 2*time.Second)
	defer cancel()
	var calls sync.WaitGroup
	for i := range 4 {
		calls.Go(func() {
			for ctx.Err() == nil {
				if err := l.Command([]*ns.Set{nil, set}[i%2], "/bin/true").Run(); err != nil && !isLauncherError(err) {
					t.Errorf("error is %v", err)
				}
			}
		})
	}
	killed, last := 0, 0
	for ctx.Err() == nil {
		time.Sleep(rand.N(10 * time.Millisecond))
		if last = l.PID(); syscall.Kill(last, syscall.SIGKILL) == nil {
			killed++
		}
	}
	calls.Wait()
	t.Logf("killed %d times", killed)
	// Not testutil.IsGone: its first thread may be a zombie while others still hold the socket.
	testutil.Eventually(t, "end of the launcher", func() bool { return syscall.Kill(last, 0) == syscall.ESRCH })
	runs(t, l, set)
}

// A Start that gives a stopped launcher up ends in time. Nobody is left then, who could start something later.
func TestLauncherStopped(t *testing.T) {
	baseline(t)
	l := newLauncher(t)
	everywhere(t, func(t *testing.T, set *ns.Set) {
		before := len(childrenOf(os.Getpid()))
		runs(t, l, set)
		signalLauncher(t, l, syscall.SIGSTOP)
		cmd := l.Command(set, "/bin/true")
		cmd.StartTimeout = timeout
		begun := time.Now()
		if err := cmd.Start(); !errors.Is(err, os.ErrDeadlineExceeded) {
			t.Errorf("error is %v", err)
		}
		checkTime(t, begun, timeout, nil)
		if left := childrenOf(os.Getpid()); len(left) != before-1 {
			t.Errorf("children are %v, and were %d", left, before)
		}
		_ = syscall.Kill(l.PID(), syscall.SIGCONT)
		runs(t, l, set)
	})
}

func TestLauncherStoppedAndCancelled(t *testing.T) {
	baseline(t)
	l := newLauncher(t)
	signalLauncher(t, l, syscall.SIGSTOP)
	begun := time.Now()
	ctx, cancel := context.WithTimeout(t.Context(), timeout)
	defer cancel()
	if err := l.CommandContext(ctx, nil, "/bin/true").Start(); !errors.Is(err, context.DeadlineExceeded) {
		t.Errorf("error is %v", err)
	}
	checkTime(t, begun, timeout, nil)
	runs(t, l, nil)
}

// One that is only slow is waited for, by all but who has no time; nobody suffers for another's haste.
func TestLauncherStoppedForAWhile(t *testing.T) {
	manyThreads(50)
	baseline(t)
	l := newLauncher(t)
	signalLauncher(t, l, syscall.SIGSTOP)
	time.AfterFunc(timeout, func() { signalLauncher(t, l, syscall.SIGCONT) })
	var calls sync.WaitGroup
	for range 8 {
		calls.Go(func() { runs(t, l, nil) })
	}
	calls.Wait()
}

func TestLauncherClosed(t *testing.T) {
	baseline(t)
	l := newLauncher(t)
	everywhere(t, func(t *testing.T, set *ns.Set) {
		l, err := nsenter.NewLauncher()
		if err != nil {
			t.Fatal(err)
		}
		p := enterBy(t, l, set, nsenter.JoinAuto)
		pid := l.PID()
		if err := l.Close(); err != nil || !testutil.IsGone(pid) {
			t.Errorf("Close: %v; launcher gone: %v", err, testutil.IsGone(pid))
		}
		for name, err := range map[string]error{
			"Close again": l.Close(),
			"Start":       l.Command(set, "/bin/true").Start(),
			"Call":        errorOf(l.Func(tellWhere.Func).Call(t.Context(), set, nil)),
		} {
			if !errors.Is(err, os.ErrClosed) {
				t.Errorf("%s: %v", name, err)
			}
		}
		if testutil.IsGone(p.Process.Pid) {
			t.Error("the payload has ended with its launcher")
		}
		p.end(t)
	})
	runs(t, l, nil)
}

func errorOf[T any](_ T, err error) error { return err }

func TestLauncherClosedWhileStopped(t *testing.T) {
	baseline(t)
	l := newLauncher(t)
	signalLauncher(t, l, syscall.SIGSTOP)
	begun, pid := time.Now(), l.PID()
	if err := l.Close(); err != nil || time.Since(begun) > testutil.Bound(time.Second) || !testutil.IsGone(pid) {
		t.Errorf("%v after %v; launcher gone: %v", err, time.Since(begun), testutil.IsGone(pid))
	}
}

func TestLauncherClosedDuringCalls(t *testing.T) {
	manyThreads(50)
	baseline(t)
	for i := range 20 {
		l := newLauncher(t)
		var calls sync.WaitGroup
		for range 8 {
			calls.Go(func() {
				for {
					err := l.Command(nil, "/bin/true").Run()
					if err != nil && !errors.Is(err, os.ErrClosed) && !isLauncherError(err) {
						t.Errorf("error is %v", err)
					}
					if errors.Is(err, os.ErrClosed) {
						return
					}
				}
			})
		}
		time.Sleep(time.Duration(i) * time.Millisecond)
		if err := l.Close(); err != nil {
			t.Error(err)
		}
		inTime(t, fmt.Sprintf("round %d", i), calls.Wait)
	}
}
