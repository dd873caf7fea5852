//go:build linux && cgo

package nsenter_test

import (
	"errors"
	"os"
	"os/exec"
	"path/filepath"
	"strings"
	"testing"

	"golang.org/x/sys/unix"

	"nsexec/internal/testutil"
	"nsexec/ns"
	"nsexec/nsenter"
)

// openBusyboxRoot is an open directory with a busybox in it, and places for mounts.
func openBusyboxRoot(t *testing.T) *os.File {
	t.Helper()
	busybox, err := exec.LookPath("busybox")
	if err != nil {
		testutil.Skip(t, "busybox is not installed")
	}
	dir := openDir(t)
	for _, sub := range []string{"bin", "proc"} {
		if err := os.Mkdir(filepath.Join(dir, sub), 0o755); err != nil {
			t.Fatal(err)
		}
	}
	text, err := os.ReadFile(busybox)
	if err != nil {
		t.Fatal(err)
	}
	writeFile(t, filepath.Join(dir, "bin/sh"), string(text), 0o755)
	writeFile(t, filepath.Join(dir, "bin/busybox"), string(text), 0o755)
	return openPath(t, dir)
}

func openPath(t *testing.T, dir string) *os.File {
	t.Helper()
	root, err := os.OpenFile(dir, unix.O_PATH|unix.O_DIRECTORY, 0)
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() { root.Close() })
	return root
}

// After pivot_root the old root is gone: two mounts are left, the root and its procfs.
func TestPivotRoot(t *testing.T) {
	testutil.Needs(t, "fsopen", "move_mount") // for a procfs where the old root, and its procfs, are gone
	if !aloneWithMounts(t) {
		return
	}
	mountsUnchanged(t)
	root := openBusyboxRoot(t)
	for _, types := range []ns.Type{ns.Mount | ns.PID, ns.Mount | ns.PID | ns.User, ns.All} {
		cmd := creating(types, "pwd; busybox ls /; busybox awk '{ print $5 }' /proc/self/mountinfo; echo $$")
		cmd.Root = root
		cmd.New.PivotRoot, cmd.New.MountProc = true, true
		fields := strings.Fields(says(t, cmd))
		if got := strings.Join(fields, " "); got != "/ bin proc / /proc 1" && got != "/ bin proc /proc / 1" {
			t.Errorf("%v: says %q", types, got)
		}
	}
}

// With chroot it is merely out of sight.
func TestRootOfNewMountNamespace(t *testing.T) {
	if !aloneWithMounts(t) {
		return
	}
	mountsUnchanged(t)
	root := openBusyboxRoot(t)
	for _, types := range []ns.Type{0, ns.Mount, ns.User, ns.Mount | ns.User, ns.All} {
		cmd := creating(types, "pwd; busybox ls /")
		cmd.Root = root
		wantSays(t, cmd, "/ bin proc")
		cmd = creating(types, "pwd")
		cmd.Root, cmd.Dir = root, "/bin"
		wantSays(t, cmd, "/bin")
	}
}

// A directory that is no longer where it was is not mistaken for what is there now.
func TestRootThatIsGone(t *testing.T) {
	baseline(t)
	dir := openDir(t)
	root := openPath(t, dir)
	if err := os.Remove(dir); err != nil {
		t.Fatal(err)
	}
	cmd := creating(ns.Mount, "true")
	cmd.Root = root
	var e *nsenter.Error
	if err := cmd.Run(); !errors.As(err, &e) || e.Op != "open root" {
		t.Errorf("error is %v", err)
	}
}
