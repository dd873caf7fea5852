//go:build linux && cgo

package nsenter_test

import (
	"os"
	"slices"
	"strconv"
	"testing"

	"golang.org/x/sys/unix"

	"nsexec/internal/testutil"
	"nsexec/ns"
	"nsexec/nsenter"
)

func TestCloneJoins(t *testing.T) {
	for name, types := range map[string]ns.Type{"uts": ns.UTS, "pid": ns.PID, "user": ns.User, "all": ns.All} {
		t.Run(name, func(t *testing.T) {
			target := testutil.Target(t, uint64(types))
			pid, w := clone(t, target.PID, ns.Type(target.Types), 0)
			checkInodes(t, w.Inodes, testutil.Namespaces(t, target.PID))
			checkPID(t, pid, w.PID, 1+bits(types&ns.PID))
		})
	}
}

// checkPID: the pid is the caller's view of its own child, at that depth of pid namespaces.
func checkPID(t *testing.T, pid, inner, depth int) {
	t.Helper()
	if parent := statusOf(t, pid, "PPid"); parent[0] != strconv.Itoa(os.Getpid()) {
		t.Errorf("parent is %s", parent[0])
	}
	pids := statusOf(t, pid, "NSpid")
	i := slices.Index(pids, strconv.Itoa(pid))
	if i < 0 || len(pids)-i != depth || pids[len(pids)-1] != strconv.Itoa(inner) {
		t.Errorf("NSpid %v; Clone says %d, it says %d; want a depth of %d", pids, pid, inner, depth)
	}
}

func bits(t ns.Type) int { return len(t.Types()) }

func TestCloneJoinsSome(t *testing.T) {
	target := testutil.Target(t, testutil.AllTypes)
	_, w := clone(t, target.PID, ns.User|ns.UTS|ns.PID, 0)
	want := testutil.Namespaces(t, os.Getpid())
	theirs := testutil.Namespaces(t, target.PID)
	for _, name := range []string{"user", "uts", "pid"} {
		want[name] = theirs[name]
	}
	checkInodes(t, w.Inodes, want)
}

// A nested container: all of the target's, and some anew below.
func TestCloneCreatesBelowTarget(t *testing.T) {
	for name, flags := range map[string]uintptr{
		"uts":  unix.CLONE_NEWUTS,
		"pid":  unix.CLONE_NEWPID,
		"user": unix.CLONE_NEWUSER,
		"most": unix.CLONE_NEWUSER | unix.CLONE_NEWPID | unix.CLONE_NEWNS | unix.CLONE_NEWNET | unix.CLONE_NEWIPC |
			unix.CLONE_NEWUTS | unix.CLONE_NEWCGROUP | uintptr(unix.SIGCHLD),
	} {
		t.Run(name, func(t *testing.T) {
			target := testutil.Target(t, testutil.AllTypes)
			pid, w := clone(t, target.PID, ns.All, flags)
			checkCloneCreated(t, w, flags, target.PID)
			checkPID(t, pid, w.PID, 2+bits(ns.Type(flags)&ns.PID))
		})
	}
}

// checkCloneCreated: each namespace is the process's, or, if flags name it, a new one.
func checkCloneCreated(t *testing.T, w whereabouts, flags uintptr, pid int) {
	t.Helper()
	ours, theirs := testutil.Namespaces(t, os.Getpid()), testutil.Namespaces(t, pid)
	for name, inode := range w.Inodes {
		created := uint64(flags)&^0xff&testutil.TypeBits[name] != 0
		if created && (inode == ours[name] || inode == theirs[name]) || !created && inode != theirs[name] {
			t.Errorf("%s namespace is %d, ours %d, the target's %d; created: %v", name, inode, ours[name], theirs[name], created)
		}
	}
}

// Of no target at all: what the plain clone(2) does.
func TestCloneCreatesOnly(t *testing.T) {
	const flags = unix.CLONE_NEWUSER | unix.CLONE_NEWPID | unix.CLONE_NEWUTS
	pid, w := clone(t, os.Getpid(), 0, flags)
	checkCloneCreated(t, w, flags, os.Getpid())
	checkPID(t, pid, w.PID, 2)
}

// A fork is spent where a pid namespace is entered, and nowhere else.
func TestFuncForksOnlyForPID(t *testing.T) {
	testutil.Needs(t, "setns:several") // or there are more stages 0
	for types, forks := range map[ns.Type]int{ns.UTS | ns.Mount: 0, ns.User | ns.UTS: 0, ns.PID | ns.User: 1, ns.All: 1} {
		target := testutil.Target(t, uint64(types))
		set := setOf(t, target.PID, ns.Type(target.Types))
		cmd := echo.Command(t.Context(), set, nil)
		if got := clonesOf(t, cmd); got != forks {
			t.Errorf("joining %v takes %d forks, want %d", types, got, forks)
		}
		below := echo.Command(t.Context(), set, nil)
		below.Unshare = ns.UTS | ns.Net
		if got := clonesOf(t, below); got != forks {
			t.Errorf("and creating below takes %d forks, want %d", got, forks)
		}
	}
}

// clonesOf runs a function and counts the clones on its way, and the processes.
func clonesOf(t *testing.T, cmd *nsenter.Cmd) (clones int) {
	t.Helper()
	pids := make(map[int]bool)
	cmd.Trace = func(s nsenter.Step) {
		pids[s.PID] = true
		if s.Op == "clone" {
			clones++
		}
	}
	resultOf(t, cmd)
	if len(pids) != 1+clones || !pids[cmd.Process.Pid] {
		t.Errorf("%d clones, and steps of %v; the payload is %d", clones, pids, cmd.Process.Pid)
	}
	return clones
}
