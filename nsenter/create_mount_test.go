//go:build linux && cgo

package nsenter_test

import (
	"fmt"
	"os"
	"os/exec"
	"path/filepath"
	"strings"
	"testing"

	"nsexec/internal/testutil"
	"nsexec/ns"
	"nsexec/nsenter"
)

// aloneWithMounts is alone, in a mount namespace of its own whose mounts are shared: what leaks from a payload is seen,
// and what others on the machine mount is not.
func aloneWithMounts(t *testing.T) bool {
	t.Helper()
	if os.Getenv(aloneVariable) == t.Name() {
		return true
	}
	args := []string{"-m", "sh", "-c", `mount --make-rshared / && exec "$@"`, "sh", "/proc/self/exe"}
	if testutil.Who() == testutil.User {
		args = append([]string{"-Ur"}, args...)
	}
	args[len(args)-1] = zooBinary
	reportAlone(t, exec.Command("unshare", append(args, aloneArgs(t)...)...))
	return false
}

// mountsUnchanged checks at the test's end that the caller's mounts are what they were.
func mountsUnchanged(t *testing.T) {
	t.Helper()
	before := mounts(t)
	t.Cleanup(func() {
		if after := mounts(t); after != before {
			t.Errorf("the caller's mounts have changed from\n%sto\n%s", before, after)
		}
	})
}

func mounts(t *testing.T) string {
	t.Helper()
	return mountsOf(t, os.Getpid())
}

func mountsOf(t *testing.T, pid int) string {
	t.Helper()
	text, err := os.ReadFile(fmt.Sprintf("/proc/%d/mountinfo", pid))
	if err != nil {
		t.Fatal(err)
	}
	return string(text)
}

// seesItselfAlone asks ps, if there is one, or else /proc.
const seesItselfAlone = `echo $$ $(cd /proc; echo [0-9]*); grep NSpid /proc/1/status; ps -A -o pid=`

// PROBLEMS 22: ps in a nested container sees itself as process 1, and not the host's.
func TestProblem22PrivateProc(t *testing.T) {
	if !aloneWithMounts(t) {
		return
	}
	baseline(t)
	mountsUnchanged(t)
	outer := testutil.Target(t, testutil.AllTypes)
	for name, set := range map[string]*ns.Set{"here": nil, "below a container": setOf(t, outer.PID, ns.All)} {
		for _, propagation := range []nsenter.Propagation{nsenter.Private, nsenter.Slave} {
			cmd := creatingBelow(set, ns.PID|ns.Mount, seesItselfAlone)
			cmd.New.MountProc = true
			cmd.New.Propagation = propagation
			fields := strings.Fields(says(t, cmd))
			if fields[0] != "1" || fields[1] != "1" || fields[2] != "2" || fields[3] != "NSpid:" || fields[4] != "1" || fields[5] != "1" {
				t.Errorf("%s: says %q", name, fields)
			}
		}
	}
}

// PROBLEMS 22: the same below containers whose runtime has hidden parts of their /proc.
func TestProblem22PrivateProcInContainer(t *testing.T) {
	for name, start := range map[string]func(testing.TB) *testutil.Proc{
		"runc": testutil.RuncTarget, "crun": testutil.CrunTarget,
	} {
		t.Run(name, func(t *testing.T) {
			target := start(t)
			before := mountsOf(t, target.PID)
			cmd := nsenter.Command(setOf(t, target.PID, ns.All), "/bin/busybox", "sh", "-c", "echo $$; busybox ps -o pid,args")
			cmd.Unshare = ns.PID | ns.Mount
			cmd.New.MountProc = true
			fields := strings.Fields(says(t, cmd))
			if len(fields) < 4 || fields[0] != "1" || fields[1] != "PID" || fields[3] != "1" || strings.Contains(strings.Join(fields, " "), " cat") {
				t.Errorf("says %q", fields)
			}
			if after := mountsOf(t, target.PID); after != before {
				t.Errorf("the container's mounts have changed from\n%sto\n%s", before, after)
			}
		})
	}
}

// Elsewhere than on /proc, which then is what it was.
func TestMountProcElsewhere(t *testing.T) {
	if !aloneWithMounts(t) {
		return
	}
	baseline(t)
	mountsUnchanged(t)
	dir := openDir(t)
	cmd := creating(ns.PID|ns.Mount, fmt.Sprintf("cat %[1]s/1/comm; readlink %[1]s/self; readlink /proc/self", dir))
	cmd.New.MountProc, cmd.New.ProcDir = true, dir
	if fields := strings.Fields(says(t, cmd)); fields[0] != "sh" || fields[1] == fields[2] {
		t.Errorf("says %q", fields)
	}
	link := filepath.Join(openDir(t), "link")
	if err := os.Symlink(dir, link); err != nil {
		t.Fatal(err)
	}
	for path, says := range map[string]string{"proc": "not absolute", link: "open", "/nonexistent": "/nonexistent"} {
		cmd := creating(ns.PID|ns.Mount, "true")
		cmd.New.MountProc, cmd.New.ProcDir = true, path
		stage := nsenter.Stage1
		if path == "proc" {
			stage = nsenter.StageCaller
		}
		wantRefused(t, cmd, stage, nil, says)
	}
	cmd = creating(ns.PID|ns.Mount, "true")
	cmd.New.ProcDir = dir
	wantRefused(t, cmd, nsenter.StageCaller, nil, "MountProc is not asked for")
}

// With a user namespace of its own, and with all eight.
func TestMountProcRootless(t *testing.T) {
	if !aloneWithMounts(t) {
		return
	}
	mountsUnchanged(t)
	for _, types := range []ns.Type{ns.PID | ns.Mount | ns.User, ns.All} {
		cmd := creating(types, "echo $$; readlink /proc/self; stat -f -c %T /proc")
		cmd.New.MountProc = true
		wantSays(t, cmd, "1 2 proc")
	}
}

// A procfs shows the pid namespace it was made for, and its owner must be the one who mounts it.
func TestMountProcWithoutPIDNamespace(t *testing.T) {
	baseline(t)
	cmd := creating(ns.Mount|ns.User, "true")
	cmd.New.MountProc = true
	wantRefused(t, cmd, nsenter.Stage0, nsenter.Errno(1), "mount procfs")
}

func TestPropagation(t *testing.T) {
	if !aloneWithMounts(t) {
		return
	}
	mountsUnchanged(t)
	for propagation, want := range map[nsenter.Propagation]string{
		nsenter.Private: "-", nsenter.Slave: "master", nsenter.Shared: "shared", nsenter.UnchangedPropagation: "shared",
	} {
		cmd := creating(ns.Mount, `awk '$5 == "/" { sub(/:.*/, "", $7); print $7 }' /proc/self/mountinfo`)
		cmd.New.Propagation = propagation
		wantSays(t, cmd, want)
	}
	// With a user namespace the kernel makes them slaves, whatever they were, before they are shared among their own.
	cmd := creating(ns.Mount|ns.User, `awk '$5 == "/" { print $7 ~ /^shared/, $8 ~ /^master/ }' /proc/self/mountinfo`)
	cmd.New.Propagation = nsenter.Shared
	wantSays(t, cmd, "1 1")
}

// What a payload mounts stays with it.
func TestMountsStayInside(t *testing.T) {
	if !aloneWithMounts(t) {
		return
	}
	mountsUnchanged(t)
	says(t, creating(ns.Mount, "mount -t tmpfs none /mnt && mount --bind /etc /mnt && grep -q ' /mnt ' /proc/self/mountinfo"))
}
