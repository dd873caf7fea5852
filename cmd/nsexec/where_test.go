//go:build linux && cgo

package main

import (
	"fmt"
	"os"
	"path/filepath"
	"slices"
	"strings"
	"syscall"
	"testing"

	"nsexec/internal/testutil"
)

// container is a target whose root, working directory and environment are its own: runc's for root, and for others
// as much of one as they can make.
func container(t *testing.T) *testutil.Proc {
	t.Helper()
	if testutil.Who() == testutil.Root {
		return testutil.RuncTarget(t)
	}
	return everything(t)
}

func TestExecDirectories(t *testing.T) {
	p := container(t)
	tmp := fmt.Sprintf("/proc/%d/root/tmp", p.PID)
	for _, test := range []struct{ args, want string }{
		{"-a", "/"},
		{"-a -W /tmp", "/tmp"},
		{"-a -W tmp", "/tmp"},
		{"-a -w", "/"},
		{"-a -w=" + tmp, "/tmp"},
		{"-a -w" + tmp, "/tmp"},
		{"-a -r", "/"},
		{"-a --root --wd=" + tmp, "/tmp"},
		{"-a -r=" + tmp + "/.. -W /tmp", "/tmp"},
	} {
		args := append(strings.Fields(test.args), "pwd")
		if got := mustRun(t, inTarget(p, args...)); got != test.want+"\n" {
			t.Errorf("%s: in %q, want %q", test.args, got, test.want)
		}
	}
}

// A mount namespace that is not joined leaves the working directory alone.
func TestExecKeepsDirectory(t *testing.T) {
	p := everything(t)
	for args, want := range map[string]string{"-U": "/tmp", "-U -w=/usr": "/usr", "-U -W ../usr": "/usr", "-U -w": "/"} {
		cmd := inTarget(p, append(strings.Fields(args), "sh", "-c", "pwd -P")...)
		cmd.Dir = "/tmp"
		if got := mustRun(t, cmd); got != want+"\n" {
			t.Errorf("%s: in %q, want %q", args, got, want)
		}
	}
}

// What -w opens is the caller's: it must not be a way out of the target (CVE-2024-21626).
func TestExecRefusesDirectoryOutside(t *testing.T) {
	p := container(t)
	dir := t.TempDir()
	want := `nsexec: enter directory: invalid cross-device link (`
	checkStatus(t, "-w outside", run(t, inTarget(p, "-a", "-w="+dir, "true")), 125, want)
}

func TestExecRoot(t *testing.T) {
	testutil.NeedRoot(t) // chroot
	p := testutil.RuncTarget(t)
	// Only busybox is there, and nothing is joined.
	if out := mustRun(t, inTarget(p, "--root", "ls", "/bin/busybox", "/etc")); out != "/bin/busybox\n\n/etc:\npasswd\n" {
		t.Errorf("in the target's root there is %q", out)
	}
	dir := t.TempDir()
	if err := os.CopyFS(filepath.Join(dir, "bin"), os.DirFS(fmt.Sprintf("/proc/%d/root/bin", p.PID))); err != nil {
		t.Fatal(err)
	}
	if out := mustRun(t, command("exec", "-r="+dir, "/bin/ls", "/")); out != "bin\n" {
		t.Errorf("in %s there is %q", dir, out)
	}
}

func TestExecEnvironment(t *testing.T) {
	p := container(t)
	var environ []byte
	testutil.Eventually(t, "environment of the container", func() bool { // it has none while it is being executed
		var err error
		if environ, err = os.ReadFile(fmt.Sprintf("/proc/%d/environ", p.PID)); err != nil {
			t.Fatal(err)
		}
		return len(environ) > 0
	})
	want := strings.Split(strings.TrimSuffix(string(environ), "\x00"), "\x00")
	cmd := inTarget(p, "-a", "-e", "env")
	cmd.Env = append(cmd.Env, "ONLY_HERE=1")
	got := strings.Split(strings.TrimSuffix(mustRun(t, cmd), "\n"), "\n")
	slices.Sort(want)
	slices.Sort(got)
	if !slices.Equal(got, want) {
		t.Errorf("environment is %q, want the target's %q", got, want)
	}
	cmd = inTarget(p, "-a", "env")
	cmd.Env = append(cmd.Env, "ONLY_HERE=1", "PATH=/usr/bin:/bin")
	if out := mustRun(t, cmd); !strings.Contains(out, "ONLY_HERE=1\n") {
		t.Errorf("without -e the environment is %q", out)
	}
}

// ids prints the real and effective ids, and the groups, in numbers of the payload's user namespace.
var ids = []string{"sh", "-c", "id -u; id -g; id -G"}

func TestExecCredentials(t *testing.T) {
	testutil.NeedRoot(t) // others have a single id
	owned := everything(t)
	plain := testutil.Target(t, testutil.PrivilegedTypes)
	for _, test := range []struct {
		target *testutil.Proc
		args   string
		want   string
	}{
		{owned, "-a", "0 0 0"},
		{owned, "-a -S 5", "5 0 0"},
		{owned, "-a -G 6", "0 6 6"},
		{owned, "-a -S 5 -G 6", "5 6 6"},
		{owned, "-a -S 5 -G 6 --preserve-credentials", "5 6 6"},
		{owned, "-a --preserve-credentials", "65534 65534 65534"},
		{plain, "-a", "0 0 0 7"},
		{plain, "-a -S 5", "5 0 0 7"},
		{plain, "-a -G 6", "0 6 6"},
		{plain, "-a -U -S 5 -G 6", "5 6 6"}, // its user namespace is ours: not joined
		{plain, "-a -U", "0 0 0 7"},
	} {
		cmd := inTarget(test.target, append(strings.Fields(test.args), ids...)...)
		cmd.SysProcAttr = &syscall.SysProcAttr{Credential: &syscall.Credential{Groups: []uint32{7}}}
		if got := strings.Join(strings.Fields(mustRun(t, cmd)), " "); got != test.want {
			t.Errorf("%s: ids are %q, want %q", test.args, got, test.want)
		}
	}
}

// An ordinary user becomes root of a user namespace that is its own.
func TestExecCredentialsOfOneID(t *testing.T) {
	if testutil.Who() == testutil.Root {
		testutil.NeedUser(t)
	}
	p := everything(t)
	if got := mustRun(t, inTarget(p, "-a", "id", "-u")); got != "0\n" {
		t.Errorf("uid is %s", got)
	}
	if got := mustRun(t, inTarget(p, "-a", "-S", "0", "-G", "0", "id", "-g")); got != "0\n" {
		t.Errorf("gid is %s", got)
	}
	checkStatus(t, "-S 5", run(t, inTarget(p, "-a", "-S", "5", "id")), 125, "nsexec: set uid: invalid argument (")
}
