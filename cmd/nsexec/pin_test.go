//go:build linux && cgo

package main

import (
	"fmt"
	"os"
	"os/exec"
	"strings"
	"syscall"
	"testing"

	"nsexec/internal/testutil"
	"nsexec/ns"
)

// inMounts runs a shell script with a private mount table, in which $nsexec is the command and $PID a target.
func inMounts(t *testing.T, target *testutil.Proc, script string) result {
	t.Helper()
	if os.Geteuid() != 0 {
		testutil.Skip(t, "needs root of a user namespace: a mount table of its own")
	}
	self, err := os.Executable()
	if err != nil {
		t.Fatal(err)
	}
	cmd := exec.Command("sh", "-ec", "mount -t tmpfs tmpfs /run\n"+script)
	cmd.Env = append(os.Environ(), beCommand+"=1", "nsexec="+self, "PID="+fmt.Sprint(target.PID))
	cmd.SysProcAttr = &syscall.SysProcAttr{Unshareflags: syscall.CLONE_NEWNS}
	return run(t, cmd)
}

// What is pinned outlives its process, and is listed with what keeps it alive.
func TestPinAndUnpin(t *testing.T) {
	target := testutil.Target(t, uint64(ns.UTS|ns.Net))
	uts := testutil.Namespace(t, target.PID, "uts")
	r := inMounts(t, target, `
		"$nsexec" pin -t $PID uts /run/uts
		"$nsexec" pin -t $PID net blue
		stat -fc %T /run/netns/blue
		kill -9 $PID
		while "$nsexec" ls -p $PID >/dev/null 2>&1; do sleep 0.01; done
		"$nsexec" ls --empty --pinned -t uts
		"$nsexec" unpin /run/uts blue
		ls /run /run/netns
		"$nsexec" ls --pinned -t uts,net`)
	lines := strings.Split(strings.TrimSpace(r.stdout), "\n")
	if r.status != 0 || len(lines) < 3 || lines[0] != "nsfs" {
		t.Fatalf("status %#x, stdout %q, stderr %q", uint32(r.status), r.stdout, r.stderr)
	}
	if row := lines[2]; !strings.HasPrefix(row, fmt.Sprint(uts)+" ") || !strings.HasSuffix(row, "(pinned at /run/uts)") {
		t.Errorf("want uts:[%d] and its pin:\n%s", uts, r.stdout)
	}
	if left := strings.Join(lines[3:], " "); strings.Contains(left, "uts ") || strings.Contains(left, "blue") {
		t.Errorf("after unpin: %s", left)
	}
}

func TestPinRefused(t *testing.T) {
	for want, args := range map[string][]string{
		"no process given":       {"pin", "net", "blue"},
		"invalid namespace type": {"pin", "-t", "1", "nonsense", "/run/x"},
		"no such process":        {"pin", "-t", "4194303", "uts", "/run/x"},
		"not a file name":        {"pin", "-t", "1", "net", ".."},
		"not a namespace":        {"unpin", "/proc/self/status"},
	} {
		if r := run(t, command(args...)); r.status == 0 || !strings.Contains(r.stderr, want) {
			t.Errorf("%v: status %#x, stderr %q, want %q", args, uint32(r.status), r.stderr, want)
		}
	}
}
