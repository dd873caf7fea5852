//go:build linux && cgo

package nsenter_test

import (
	"errors"
	"fmt"
	"os"
	"os/exec"
	"path/filepath"
	"strconv"
	"strings"
	"syscall"
	"testing"

	"golang.org/x/sys/unix"

	"nsexec/internal/testutil"
	"nsexec/ns"
	"nsexec/nsenter"
)

// movedChild goes through a ReexecChild into a target of all types, and returns the new process's pid, as it is here.
func movedChild(t *testing.T) (m *mover, child int, target *testutil.Proc) {
	t.Helper()
	target = testutil.Target(t, testutil.AllTypes)
	m = startMover(t, "child", target.PID, target.Types)
	_, after := m.moved()
	children := childrenOf(m.Process.Pid)
	if len(children) != 1 {
		t.Fatalf("children are %v", children)
	}
	pids := statusOf(t, children[0], "NSpid")
	if pids[len(pids)-1] != strconv.Itoa(after.PID) || len(pids) < 2 {
		t.Errorf("the program says that its pid is %d, NSpid %v", after.PID, pids)
	}
	return m, children[0], target
}

// The program is inside, what it was stays outside, without any file.
func TestReexecChild(t *testing.T) {
	testutil.Needs(t, "setns:several") // a program moves once
	m, child, target := movedChild(t)
	checkTasks(t, child, testutil.Namespaces(t, target.PID))
	if testutil.Who() != testutil.User { // who may not look: it is not dumpable
		checkTasks(t, m.Process.Pid, testutil.Namespaces(t, os.Getpid()))
		if fds, _ := filepath.Glob("/proc/" + strconv.Itoa(m.Process.Pid) + "/fd/*"); len(fds) > 0 {
			t.Errorf("the process outside has files: %v", fds)
		}
	}
	m.tell()
	if im := m.hear(); im.Failed != "" || !im.Reexeced {
		t.Errorf("the second ReexecChild: %v", im)
	}
}

// A real container, whose files are not the program's.
func TestReexecChildIntoContainer(t *testing.T) {
	target := testutil.RuncTarget(t)
	m := startMover(t, "child", target.PID, uint64(ns.All))
	m.moved()
	root := func(pid int) [2]uint64 { return inodeOf(t, fmt.Sprintf("/proc/%d/root", pid)) }
	for _, child := range childrenOf(m.Process.Pid) {
		checkTasks(t, child, testutil.Namespaces(t, target.PID))
		if root(child) != root(target.PID) {
			t.Error("its root is another")
		}
	}
}

func TestReexecChildStatus(t *testing.T) {
	testutil.Needs(t, "setns:several") // a program moves once
	m, _, _ := movedChild(t)
	m.ended = true
	m.tell()
	m.hear()
	if _, err := m.stdin.Write([]byte{42}); err != nil {
		t.Fatal(err)
	}
	wantExit(t, m.Wait(), 42)
}

// A signal to the process outside is the program's; it ends as the program does.
func TestReexecChildSignal(t *testing.T) {
	testutil.Needs(t, "setns:several") // a program moves once
	m, child, _ := movedChild(t)
	m.ended = true
	if err := m.Process.Signal(syscall.SIGTERM); err != nil {
		t.Fatal(err)
	}
	var exit *exec.ExitError
	if err := m.Wait(); !errors.As(err, &exit) || exit.Sys().(syscall.WaitStatus).Signal() != syscall.SIGTERM {
		t.Errorf("it has ended with %v", err)
	}
	if !testutil.IsGone(child) {
		t.Error("the program is still there")
	}
}

// Whoever reaps what it leaves: else the target could not end.
func TestReexecChildDiesWithParent(t *testing.T) {
	testutil.Needs(t, "setns:several") // a program moves once
	beSubreaper(t)
	m, child, _ := movedChild(t)
	m.ended = true
	_ = m.Process.Kill()
	_ = m.Wait()
	testutil.Eventually(t, "the program's end", func() bool { return testutil.IsGone(child) })
	_, _ = unix.Wait4(child, nil, 0, nil)
}

// Whoever waits sees it stop, and lets it go on.
func TestReexecChildStops(t *testing.T) {
	testutil.Needs(t, "setns:several") // a program moves once
	m, child, _ := movedChild(t)
	state := func(pid int, want string) func() bool {
		return func() bool { return strings.HasPrefix(statusOf(t, pid, "State")[0], want) }
	}
	if err := syscall.Kill(child, syscall.SIGSTOP); err != nil {
		t.Fatal(err)
	}
	testutil.Eventually(t, "a stop outside", state(m.Process.Pid, "T"))
	if err := m.Process.Signal(syscall.SIGCONT); err != nil {
		t.Fatal(err)
	}
	testutil.Eventually(t, "the program to go on", state(child, "S"))
	testutil.Eventually(t, "the process outside to go on", state(m.Process.Pid, "S"))
}

// Nothing can be born there any more: the program is where it was, with its signals.
func TestReexecChildIntoDeadNamespace(t *testing.T) {
	testutil.Needs(t, "pidfd_open") // to know that it is dead
	target := testutil.Target(t, unix.CLONE_NEWPID|unix.CLONE_NEWUTS)
	m := startMover(t, "dead", target.PID, target.Types)
	e := m.failedInside()
	if e.Stage != nsenter.Stage0 || e.Op != "clone" || e.Errno != unix.ENOMEM || e.Hint == "" {
		t.Errorf("error is %+v", e)
	}
	if blocked := statusOf(t, m.Process.Pid, "SigBlk")[0]; strings.Trim(blocked, "0") != "" {
		t.Errorf("blocked signals: %s", blocked)
	}
}
