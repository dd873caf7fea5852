//go:build linux && cgo

package nsenter_test

import (
	"errors"
	"fmt"
	"os"
	"os/exec"
	"path/filepath"
	"strings"
	"testing"

	"nsexec/internal/testutil"
	"nsexec/nsenter"
)

// checkUnshared goes through a ReexecUnshared that must succeed, and checks the maps.
func checkUnshared(t *testing.T, m *mover, lines string) {
	t.Helper()
	before, after := m.moved()
	if after.PID != before.PID {
		t.Errorf("pid %d, was %d", after.PID, before.PID)
	}
	ours, its := testutil.Namespaces(t, os.Getpid()), testutil.Namespaces(t, m.Process.Pid)
	for name, inode := range its {
		isNew := strings.Contains("user mnt uts time", name)
		if isNew == (inode == ours[name]) {
			t.Errorf("%s namespace: %d, ours is %d; new: want %v", name, inode, ours[name], isNew)
		}
	}
	checkTasks(t, m.Process.Pid, its)
	for _, name := range []string{"uid_map", "gid_map"} {
		if got := mapOf(t, m, name); got != lines {
			t.Errorf("%s is %q, want %q", name, got, lines)
		}
	}
	if got := string(procFile(t, m.Process.Pid, "setgroups")); got != "allow\n" {
		t.Errorf("setgroups: %q", got)
	}
	if after.Dumpable != before.Dumpable {
		t.Errorf("dumpable: %d, was %d", after.Dumpable, before.Dumpable)
	}
	if exe := inodeOf(t, fmt.Sprintf("/proc/%d/exe", m.Process.Pid)); exe != inodeOf(t, zooBinary) {
		t.Error("it runs from a copy, which nobody here could have asked for")
	}
	m.tell()
	if im := m.hear(); im.Failed != "" || !im.Reexeced {
		t.Errorf("the second ReexecUnshared: %v", im)
	}
}

func mapOf(t *testing.T, m *mover, name string) string {
	t.Helper()
	return strings.Join(strings.Fields(string(procFile(t, m.Process.Pid, name))), " ")
}

// An ordinary user gets the range that /etc/subuid gives it.
func TestReexecUnshared(t *testing.T) {
	if !asAccount(t) {
		return
	}
	baseline(t)
	checkUnshared(t, startMover(t, "unshared"), "0 47110 1 1 200000 65536")
}

// Root needs no helper.
func TestReexecUnsharedAsRoot(t *testing.T) {
	testutil.NeedRoot(t)
	dir := openDir(t)
	for _, name := range []string{"subuid", "subgid"} {
		writeFile(t, filepath.Join(dir, name), "root:500000:1000\n", 0o644)
	}
	m := startMover(t, "unshared")
	const script = `mount -t overlay -o lowerdir="$0":/etc overlay /etc && exec "$@"`
	m.Args = append([]string{"unshare", "-m", "sh", "-c", script, dir, zooBinary}, m.Args[1:]...)
	m.Path, m.Err = exec.LookPath("unshare")
	m.start()
	m.hear()
	inside := testutil.Namespaces(t, m.Process.Pid)
	m.tell()
	if im := m.hear(); !im.Reexeced {
		t.Fatalf("second image %v", im)
	}
	if its := testutil.Namespaces(t, m.Process.Pid); its["user"] == inside["user"] || its["mnt"] == inside["mnt"] {
		t.Errorf("namespaces %v, were %v", its, inside)
	}
	if got := mapOf(t, m, "uid_map"); got != "0 0 1 1 500000 1000" {
		t.Errorf("uid map %q", got)
	}
}

func TestReexecUnsharedWithoutHelper(t *testing.T) {
	if !asAccount(t) {
		return
	}
	baseline(t)
	m := startMover(t, "unshared")
	m.Env = append(os.Environ(), "PATH=/nonexistent")
	if e := m.refused(); e.Stage != nsenter.StageCaller || e.Op != "find" || e.Path != "newuidmap" || e.Hint == "" {
		t.Errorf("error is %+v", e)
	}
}

// The helper fails: its words are in the error, and nothing is left.
func TestReexecUnsharedHelperFails(t *testing.T) {
	if !asAccount(t) {
		return
	}
	beSubreaper(t)
	baseline(t)
	fakeMapHelpers(t, "echo because >&2; exit 1", 0o755|os.ModeSetuid)
	m := startMover(t, "unshared")
	m.start()
	m.hear()
	m.tell()
	im := m.hear()
	if e := wantFailed(t, im); e.Op != "run" || !strings.Contains(im.Failed, `"because"`) {
		t.Errorf("error is %+v", e)
	}
	if children := childrenOf(m.Process.Pid); len(children) > 0 {
		t.Errorf("left: %v", children)
	}
}

// Root of a user namespace with one id has no more to give.
func TestReexecUnsharedWithoutRange(t *testing.T) {
	if !inUserNamespace(t) {
		return
	}
	var e *nsenter.Error
	if err := nsenter.ReexecUnshared(0); !errors.As(err, &e) || e.Stage != nsenter.StageCaller {
		t.Errorf("error is %v", err)
	}
}
