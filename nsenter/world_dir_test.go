//go:build linux && cgo

package nsenter_test

import (
	"fmt"
	"os"
	"path/filepath"
	"strings"
	"testing"

	"golang.org/x/sys/unix"

	"nsexec/internal/testutil"
	"nsexec/ns"
	"nsexec/nsenter"
)

func TestDirectoryThatIsMissing(t *testing.T) {
	baseline(t)
	everywhere(t, func(t *testing.T, set *ns.Set) {
		stage := nsenter.Stage0
		if set != nil && set.Handle(ns.PID) != nil {
			stage = nsenter.Stage1
		}
		for dir, errno := range map[string]nsenter.Errno{
			"/no/such/directory": unix.ENOENT, "/bin/sh": unix.ENOTDIR, "no/such/directory": unix.ENOENT,
		} {
			cmd := nsenter.Command(set, "/bin/true")
			cmd.Dir = dir
			checkRefusal(t, cmd, refusal{errno: errno, stage: stage, op: "enter directory", path: dir})
		}
	})
}

// A directory that the caller has open must not be the way out of a container (CVE-2024-21626).
func TestDirectoriesOfCaller(t *testing.T) {
	if !alone(t) {
		return
	}
	baseline(t)
	target := testutil.Target(t, testutil.PrivilegedTypes)
	sets := map[string]*ns.Set{"target": setOf(t, target.PID, ns.All), "nowhere": nil}
	if testutil.Who() == testutil.Root {
		sets["container"] = setOf(t, testutil.RuncTarget(t).PID, ns.All)
	}
	stray(t)
	for name, set := range sets {
		t.Run(name, func(t *testing.T) {
			for fd := 3; fd <= 80; fd++ {
				cmd := nsenter.Command(set, "/bin/true")
				cmd.Dir = fmt.Sprintf("/proc/self/fd/%d", fd)
				if err := cmd.Run(); err == nil {
					t.Errorf("directory %s is let in", cmd.Dir)
				}
			}
		})
	}
}

// A directory that the caller hands over, but that is not below the payload's root.
func TestWorkDirOutsideRoot(t *testing.T) {
	baseline(t)
	outside, err := os.Open("/usr")
	if err != nil {
		t.Fatal(err)
	}
	defer outside.Close()
	for name, rooted := range roots(t) {
		t.Run(name, func(t *testing.T) {
			cmd := rooted()
			cmd.WorkDir = outside
			checkRefusal(t, cmd, refusal{errno: unix.EXDEV, stage: nsenter.Stage1, op: "enter directory", hint: "outside"})
			cmd = rooted()
			cmd.WorkDir, cmd.Dir = outside, ".."
			checkRefusal(t, cmd, refusal{errno: unix.EXDEV, stage: nsenter.Stage1, op: "enter directory", path: "..", hint: "outside"})
			cmd = rooted()
			cmd.Dir = "../../../.."
			checkPWD(t, cmd, "/")
			cmd = rooted()
			cmd.Dir = "bin"
			checkPWD(t, cmd, "/bin")
		})
	}
}

// roots are ways to have another root than the caller's: each a command that prints its working directory.
func roots(t *testing.T) map[string]func() *nsenter.Cmd {
	t.Helper()
	target := testutil.Target(t, testutil.AllTypes)
	set := setOf(t, target.PID, ns.All)
	root, err := os.Open(busyboxRoot(t))
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() { root.Close() })
	commands := map[string]func() *nsenter.Cmd{
		"directory": func() *nsenter.Cmd {
			cmd := nsenter.Command(set, "/bin/busybox", "pwd")
			cmd.Root = root
			return cmd
		},
	}
	if testutil.Who() == testutil.Root {
		container := setOf(t, testutil.RuncTarget(t).PID, ns.All)
		commands["container"] = func() *nsenter.Cmd { return nsenter.Command(container, "/bin/busybox", "pwd") }
	}
	return commands
}

// busyboxRoot is a root directory with one program.
func busyboxRoot(t *testing.T) string {
	t.Helper()
	root := filepath.Join(filepath.Dir(zooBinary), "root")
	if err := os.MkdirAll(filepath.Join(root, "bin"), 0o755); err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() { os.RemoveAll(root) })
	for _, busybox := range []string{"/bin/busybox", "/usr/bin/busybox"} {
		if copyExecutable(filepath.Join(root, "bin", "busybox"), busybox) == nil {
			return root
		}
	}
	testutil.Skip(t, "busybox is not installed")
	return ""
}

func checkPWD(t *testing.T, cmd *nsenter.Cmd, want string) {
	t.Helper()
	out, err := cmd.Output()
	if err != nil || strings.TrimSpace(string(out)) != want {
		t.Errorf("working directory is %q, %v, want %q", out, err, want)
	}
}
