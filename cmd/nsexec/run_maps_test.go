//go:build linux && cgo

package main

import (
	"fmt"
	"os"
	"os/exec"
	"path/filepath"
	"strconv"
	"strings"
	"testing"

	"nsexec/internal/testutil"
	"nsexec/ns"
)

func TestRunMapsWords(t *testing.T) {
	const maps = "cat /proc/self/uid_map /proc/self/gid_map /proc/self/setgroups"
	uid, gid := os.Geteuid(), os.Getegid()
	for args, want := range map[string]string{
		"--map-user 5 --map-group 6": fmt.Sprintf("5 %d 1 6 %d 1 deny", uid, gid),
	} {
		checkFields(t, command(append([]string{"run"}, append(strings.Fields(args), "sh", "-c", maps)...)...), want)
	}
	if testutil.Who() != testutil.Root {
		return
	}
	for args, want := range map[string]string{
		"--map-user 5":                                      "5 0 1 allow",
		"--map-users all --map-groups all":                  "0 0 4294967295 0 0 4294967295 allow",
		"--map-user 5 --map-users all":                      "5 0 1 0 1 5 6 6 4294967289 allow",
		"-r --map-users 0:100000:5 --map-users 50:200000:5": "0 0 1 1 100000 4 50 200000 5 0 0 1 deny",
		"-r --map-groups 1:100000:5 --setgroups deny":       "0 0 1 0 0 1 1 100000 5 deny",
	} {
		checkFields(t, command(append([]string{"run"}, append(strings.Fields(args), "sh", "-c", maps)...)...), want)
	}
}

// What is outside is then what the target has: the caller is its root before.
func TestRunMapsBelowATarget(t *testing.T) {
	p := everything(t)
	const maps = "cat /proc/self/uid_map /proc/self/gid_map; id -u; id -g"
	for args, want := range map[string]string{
		"-r":                         "0 0 1 0 0 1 0 0",
		"-c":                         "0 0 1 0 0 1 0 0",
		"--map-user 5 --map-group 6": "5 0 1 6 0 1 5 6",
	} {
		checkFields(t, below(p, append(strings.Fields(args), "sh", "-c", maps)...), want)
	}
	checkStatus(t, "outside", run(t, below(p, "--map-users", "0:0:1", "--map-users", "1:70000:1", "true")), 125,
		`nsexec: write uid map "1 70000 1": operation not permitted (caller; line 2: no range of the user namespace above holds it)`)
}

func checkFields(t *testing.T, cmd *exec.Cmd, want string) {
	t.Helper()
	if got := strings.Join(strings.Fields(mustRun(t, cmd)), " "); got != want {
		t.Errorf("%q: says %q, want %q", cmd.Args[1:], got, want)
	}
}

// In a file system of its own, /etc/subuid is what the test says.
func TestRunMapsSubordinateIDs(t *testing.T) {
	testutil.NeedRoot(t)
	self, err := os.Executable()
	if err != nil {
		t.Fatal(err)
	}
	dir := t.TempDir()
	for _, name := range []string{"subuid", "subgid"} {
		if err := os.WriteFile(filepath.Join(dir, name), []byte("root:300000:50\n"), 0o644); err != nil {
			t.Fatal(err)
		}
	}
	const script = `mount --bind "$0/subuid" /etc/subuid && mount --bind "$0/subgid" /etc/subgid && exec "$@" cat /proc/self/uid_map /proc/self/gid_map`
	for args, want := range map[string]string{
		"--map-auto":                           "0 300000 50 0 300000 50",
		"-r --map-auto":                        "0 0 1 1 300000 49 0 0 1 1 300000 49",
		"-r --map-subids":                      "0 0 1 300000 300000 50 0 0 1 300000 300000 50",
		"--map-users subids --map-groups auto": "300000 300000 50 0 300000 50",
	} {
		ours := command(append([]string{"run"}, strings.Fields(args)...)...)
		cmd := exec.Command("unshare", append([]string{"-m", "sh", "-c", script, dir, self}, ours.Args[1:]...)...)
		cmd.Env = ours.Env
		checkFields(t, cmd, want)
	}
}

func TestRunSetgroups(t *testing.T) {
	checkFields(t, command("run", "-r", "cat", "/proc/self/setgroups"), "deny")
	if testutil.Who() == testutil.User {
		r := run(t, command("run", "-r", "--setgroups", "allow", "true"))
		checkStatus(t, "allow", r, 125, "nsexec: --setgroups allow: the kernel denies it")
	}
	if testutil.Who() == testutil.Root {
		checkFields(t, command("run", "-r", "--setgroups", "allow", "cat", "/proc/self/setgroups"), "allow")
		checkFields(t, command("run", "-U", "--setgroups", "deny", "cat", "/proc/self/setgroups"), "deny")
	}
}

func TestRunOwner(t *testing.T) {
	uid, gid := os.Geteuid(), os.Getegid()
	checkFields(t, command("run", "-r", "--owner", fmt.Sprintf("%d:%d", uid, gid), "id", "-u"), "0")
	if testutil.Who() != testutil.Root {
		r := run(t, command("run", "-r", "--owner", strconv.Itoa(uid+1), "id", "-u"))
		checkStatus(t, "--owner", r, 125, "nsexec: become owner of user namespace: ")
		return
	}
	s := openSession(t, command("run", "-U", "--map-users", "0:0:1", "--owner", "12345:12345", "sh", "-c",
		"echo ready; read line; echo gone"))
	children, err := os.ReadFile(fmt.Sprintf("/proc/%[1]d/task/%[1]d/children", s.cmd.Process.Pid))
	if err != nil {
		t.Fatal(err)
	}
	pid, err := strconv.Atoi(strings.TrimSpace(string(children)))
	if err != nil {
		t.Fatal(err)
	}
	h, err := ns.OpenPID(pid, ns.User)
	if err != nil {
		t.Fatal(err)
	}
	defer h.Close()
	if owner, err := h.OwnerUID(); owner != 12345 || err != nil {
		t.Errorf("owned by %d, %v", owner, err)
	}
}

// Another user than root loses capabilities at exec, or does not.
func TestRunKeepCaps(t *testing.T) {
	for flag, some := range map[string]bool{"--keep-caps": true, "-f": false} {
		out := mustRun(t, command("run", "--map-user", "77", "--map-group", "77", flag, "grep", "CapEff", "/proc/self/status"))
		if none := strings.Contains(out, "\t0000000000000000\n"); none == some {
			t.Errorf("%s: %s", flag, out)
		}
	}
}

// -S and -G beside ids that are mapped, and the directory in the root.
func TestRunIDs(t *testing.T) {
	testutil.NeedRoot(t)
	cmd := command("run", "--map-users", "0:100000:100", "--map-groups", "0:100000:100", "-S", "5", "-G", "6", "sh", "-c", "id -u; id -g; id -G")
	checkFields(t, cmd, "5 6 6")
	cmd = command("run", "-U", "--map-users", "0:100000:100", "-w", "/usr", "sh", "-c", "pwd; id -u")
	checkFields(t, cmd, "/usr 0")
}
