//go:build linux && cgo

package nsenter_test

import (
	"fmt"
	"os"
	"syscall"
	"testing"
	"time"

	"golang.org/x/sys/unix"

	"nsexec/internal/testutil"
	"nsexec/ns"
	"nsexec/nsenter"
)

// Nobody waits for a clone, whatever ends it.
func TestCloneIsReaped(t *testing.T) {
	baseline(t)
	target := testutil.Target(t, testutil.AllTypes)
	pid, _ := clone(t, target.PID, ns.All, 0)
	if err := syscall.Kill(pid, syscall.SIGKILL); err != nil {
		t.Fatal(err)
	}
	awaitReaped(t, pid)
	for _, f := range []*nsenter.Func{echo, lingerFunc} {
		pid, err := nsenter.Clone(target.PID, ns.All, f, 0)
		if err != nil {
			t.Fatal(err)
		}
		testutil.Eventually(t, "clone reaped", func() bool { return syscall.Kill(pid, 0) == syscall.ESRCH })
	}
}

// An unreaped process in its pid namespace would keep the target's first process from ending (zap_pid_ns_processes).
func TestCloneDoesNotKeepTargetAlive(t *testing.T) {
	for name, flags := range map[string]uintptr{"in it": 0, "below it": unix.CLONE_NEWPID} {
		t.Run(name, func(t *testing.T) {
			baseline(t)
			target := testutil.Target(t, testutil.AllTypes)
			pid, _ := clone(t, target.PID, ns.All, flags)
			begun := time.Now()
			target.Kill() // returns when it has been reaped
			if took := time.Since(begun); took > testutil.Bound(time.Second) {
				t.Errorf("the target took %v to end", took)
			}
			awaitReaped(t, pid)
		})
	}
}

func TestClonesLeaveNothing(t *testing.T) {
	baseline(t)
	target := testutil.Target(t, uint64(ns.User|ns.PID|ns.UTS))
	for i := range 100 {
		var flags uintptr
		if i%2 == 1 {
			flags = unix.CLONE_NEWUTS
		}
		if _, err := nsenter.Clone(target.PID, ns.User|ns.PID|ns.UTS, echo, flags); err != nil {
			t.Fatal(err)
		}
	}
	testutil.Eventually(t, "clones reaped", func() bool {
		children := childrenOf(os.Getpid())
		return fmt.Sprint(children) == fmt.Sprint([]int{target.PID})
	})
}
