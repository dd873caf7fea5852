//go:build linux

package ns

import (
	"bufio"
	"errors"
	"fmt"
	"os"
	"os/exec"
	"path/filepath"
	"strconv"
	"strings"
	"syscall"
	"testing"
	"time"

	"golang.org/x/sys/unix"

	"nsexec/internal/kernel"
	"nsexec/internal/nsfs"
	"nsexec/internal/testutil"
)

// TestMain: with NS_TEST_HELPER set, the test binary is one of the programs below instead.
func TestMain(m *testing.M) {
	if name := os.Getenv("NS_TEST_HELPER"); name != "" {
		if err := helpers[name](); err != nil {
			fmt.Fprintln(os.Stderr, name+":", err)
			os.Exit(1)
		}
		os.Exit(0)
	}
	if os.Getenv("NS_TEST_OLD_KERNEL") != "" {
		for _, probe := range probes {
			probe.Force(kernel.No)
		}
	}
	os.Exit(m.Run())
}

// probes is every kernel feature that the package can do without.
var probes = []*kernel.Probe{nsfs.PIDFDNamespaces, nsfs.IDs, nsfs.MountIDs, nsfs.PIDTranslation, nsfs.OpenIDs, nsfs.Lists}

func oldKernel() bool { return os.Getenv("NS_TEST_OLD_KERNEL") != "" }

// The whole suite again, as if the kernel had none of the newer features.
func TestOnOldKernel(t *testing.T) {
	if oldKernel() {
		return // this is it
	}
	cmd := exec.Command("/proc/self/exe", "-test.skip", "TestDoLeavesNothingBehind")
	cmd.Env = append(os.Environ(), "NS_TEST_OLD_KERNEL=1")
	if out, err := cmd.CombinedOutput(); err != nil {
		t.Errorf("%v\n%s", err, out)
	}
}

var helpers = map[string]func() error{
	"sleep": func() error {
		fmt.Println("ready")
		_, err := os.Stdin.Read(make([]byte, 1)) // until the test closes the pipe, or dies
		_ = err
		return nil
	},
}

// helperCommand is the test binary as a helper.
func helperCommand(helper string) *exec.Cmd {
	cmd := exec.Command("/proc/self/exe")
	cmd.Env = append(os.Environ(), "NS_TEST_HELPER="+helper)
	return cmd
}

// start runs the test binary as a helper with new namespaces. The child is ended with the test.
func start(t testing.TB, helper string, attr *syscall.SysProcAttr, env ...string) *exec.Cmd {
	t.Helper()
	cmd := helperCommand(helper)
	cmd.Env = append(cmd.Env, env...)
	cmd.SysProcAttr = attr
	cmd.Stderr = os.Stderr
	stdin, err := cmd.StdinPipe()
	if err != nil {
		t.Fatal(err)
	}
	stdout, err := cmd.StdoutPipe()
	if err != nil {
		t.Fatal(err)
	}
	if err := cmd.Start(); err != nil {
		if errors.Is(err, os.ErrPermission) {
			testutil.Skipf(t, "start target with namespaces %v: %v", attr, err)
		}
		t.Fatal(err)
	}
	t.Cleanup(func() {
		stdin.Close()
		cmd.Process.Kill()
		cmd.Wait()
	})
	if line, err := bufio.NewReader(stdout).ReadString('\n'); err != nil || line != "ready\n" {
		t.Fatalf("helper %s said %q, %v", helper, line, err)
	}
	return cmd
}

// newAll is a child in eight new namespaces, of a user namespace too, so that everybody may make it. The time
// namespace is the one kind that a child gets only by its parent's unshare: it stays out.
func newAll(t testing.TB) *exec.Cmd {
	t.Helper()
	return start(t, "sleep", &syscall.SysProcAttr{
		Cloneflags:  uintptr(All &^ Time),
		UidMappings: []syscall.SysProcIDMap{{ContainerID: 0, HostID: os.Getuid(), Size: 1}},
		GidMappings: []syscall.SysProcIDMap{{ContainerID: 0, HostID: os.Getgid(), Size: 1}},
	})
}

// inode reads /proc the plain way, which is what handles are compared with.
func inode(t testing.TB, pid any, typ Type) uint64 {
	t.Helper()
	link, err := os.Readlink(filepath.Join("/proc", fmt.Sprint(pid), "ns", typ.Name()))
	if err != nil {
		t.Fatal(err)
	}
	_, num, _ := strings.Cut(link, ":[")
	ino, err := strconv.ParseUint(strings.TrimSuffix(num, "]"), 10, 64)
	if err != nil {
		t.Fatalf("%s: %v", link, err)
	}
	return ino
}

// deadPID is a pid that was ours and is nobody's now.
func deadPID(t testing.TB) int {
	t.Helper()
	cmd := exec.Command("/bin/true")
	if err := cmd.Run(); err != nil {
		t.Fatal(err)
	}
	return cmd.Process.Pid
}

// zombie is a child that has exited and has not been waited for.
func zombie(t testing.TB) int {
	t.Helper()
	cmd := exec.Command("/bin/true")
	if err := cmd.Start(); err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() { cmd.Wait() })
	var info unix.Siginfo
	if err := unix.Waitid(unix.P_PID, cmd.Process.Pid, &info, unix.WEXITED|unix.WNOWAIT, nil); err != nil {
		t.Fatal(err)
	}
	return cmd.Process.Pid
}

func openFDs(t testing.TB) int {
	t.Helper()
	names, err := os.ReadDir("/proc/self/fd")
	if err != nil {
		t.Fatal(err)
	}
	return len(names)
}

// eventually waits up to two seconds.
func eventually(t testing.TB, what string, done func() bool) {
	t.Helper()
	for range 400 {
		if done() {
			return
		}
		time.Sleep(5 * time.Millisecond)
	}
	t.Errorf("never true: %s", what)
}
