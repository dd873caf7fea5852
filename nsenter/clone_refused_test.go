//go:build linux && cgo

package nsenter_test

import (
	"errors"
	"fmt"
	"os"
	"strings"
	"testing"

	"golang.org/x/sys/unix"

	"nsexec/internal/testutil"
	"nsexec/ns"
	"nsexec/nsenter"
)

func TestCloneRefusesFlags(t *testing.T) {
	baseline(t)
	for _, flags := range []uintptr{
		unix.CLONE_VM, unix.CLONE_FS, unix.CLONE_FILES, unix.CLONE_SIGHAND, unix.CLONE_THREAD, unix.CLONE_VFORK,
		unix.CLONE_PARENT, unix.CLONE_PTRACE, unix.CLONE_SYSVSEM, unix.CLONE_SETTLS, unix.CLONE_IO, unix.CLONE_PIDFD,
		unix.CLONE_NEWTIME, uintptr(unix.SIGKILL), uintptr(unix.SIGUSR1), 0xff, 1 << 33,
		unix.CLONE_NEWUTS | unix.CLONE_VM, unix.CLONE_NEWUSER | uintptr(unix.SIGTERM),
	} {
		pid, err := nsenter.Clone(os.Getpid(), ns.UTS, echo, flags)
		var e *nsenter.Error
		if pid != 0 || !errors.As(err, &e) || e.Stage != nsenter.StageCaller || !strings.HasPrefix(err.Error(), "nsenter: clone: ") {
			t.Errorf("flags %#x: %d, %T %v", flags, pid, err, err)
		}
	}
	if children := childrenOf(os.Getpid()); len(children) > 0 {
		t.Errorf("children %v", children)
	}
}

func TestCloneWithoutFunc(t *testing.T) {
	if pid, err := nsenter.Clone(os.Getpid(), ns.UTS, nil, 0); pid != 0 || err == nil || !strings.Contains(err.Error(), "no function") {
		t.Errorf("%d, %v", pid, err)
	}
}

func TestCloneOfDeadTarget(t *testing.T) {
	baseline(t)
	_, err := nsenter.Clone(deadPID(t), ns.UTS, echo, 0)
	wantIs(t, err, ns.ErrProcessGone)
	for _, pid := range []int{0, -1} {
		if _, err := nsenter.Clone(pid, ns.UTS, echo, 0); err == nil {
			t.Errorf("no error for pid %d", pid)
		}
	}
}

// The target's user namespace allows no new uts namespace: the failure is stage 0's, after all the joins.
func TestCloneFails(t *testing.T) {
	baseline(t)
	target := testutil.Target(t, uint64(ns.User|ns.Net))
	set := setOf(t, target.PID, ns.User|ns.Net)
	forbid := nsenter.Command(set, "sh", "-c", "echo 0 >/proc/sys/user/max_uts_namespaces")
	if out, err := forbid.CombinedOutput(); err != nil {
		t.Fatalf("%v: %s", err, out)
	}
	set.Close()
	pid, err := nsenter.Clone(target.PID, ns.User|ns.Net, echo, unix.CLONE_NEWUTS)
	var e *nsenter.Error
	if pid != 0 || !errors.As(err, &e) {
		t.Fatalf("%d, %T %v", pid, err, err)
	}
	if e.Errno != unix.ENOSPC || e.Stage != nsenter.Stage0 || e.Type != ns.UTS || !strings.Contains(e.Op, "create") ||
		!strings.Contains(e.Hint, "user.max_") {
		t.Errorf("error is %#v", e)
	}
	if children := childrenOf(os.Getpid()); len(children) != 1 || children[0] != target.PID {
		t.Errorf("children %v, of which %d is the target", children, target.PID)
	}
}

func TestCloneWithoutPrivileges(t *testing.T) {
	testutil.NeedUser(t)
	baseline(t)
	_, err := nsenter.Clone(os.Getpid(), 0, echo, unix.CLONE_NEWNET)
	var e *nsenter.Error
	if !errors.As(err, &e) || e.Errno != unix.EPERM || e.Type != ns.Net || !strings.Contains(e.Hint, "user namespace") {
		t.Errorf("error is %v", fmt.Sprintf("%#v", err))
	}
}
