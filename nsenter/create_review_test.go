//go:build linux && cgo

package nsenter_test

import (
	"fmt"
	"io"
	"os"
	"os/exec"
	"os/signal"
	"strconv"
	"strings"
	"syscall"
	"testing"
	"time"

	"nsexec/internal/testutil"
	"nsexec/ns"
	"nsexec/nsenter"
)

// Every test here was a defect once.

func newPID(cmd *nsenter.Cmd) *nsenter.Cmd {
	cmd.Unshare = ns.PID
	if os.Geteuid() != 0 {
		cmd.MapRoot()
	}
	return cmd
}

func TestInitOutlivesItsCaller(t *testing.T) {
	caller := zooCommand("caller-of-init")
	out, err := caller.Output()
	if err != nil {
		t.Fatal(err)
	}
	pid, err := strconv.Atoi(strings.TrimSpace(string(out)))
	if err != nil {
		t.Fatal(err)
	}
	defer syscall.Kill(pid, syscall.SIGKILL)
	time.Sleep(100 * time.Millisecond)
	if testutil.IsGone(pid) {
		t.Error("it died with its caller")
	}
}

func TestIgnoredChildren(t *testing.T) {
	caller := zooCommand("caller-that-ignores-children")
	out, err := caller.CombinedOutput()
	if err != nil || len(out) > 0 {
		t.Errorf("%s (%v)", out, err)
	}
}

func init() {
	zoo["caller-of-init"] = func([]string) error {
		cmd := newPID(nsenter.Command(nil, "sleep", "30"))
		cmd.Init = true
		if err := cmd.Start(); err != nil {
			return err
		}
		fmt.Println(cmd.Process.Pid)
		return nil
	}
	zoo["caller-that-ignores-children"] = func([]string) error {
		signal.Ignore(syscall.SIGCHLD)
		user := nsenter.Command(nil, "true")
		user.MapRoot()
		if err := user.Start(); err != nil {
			return err
		}
		cmd := newPID(nsenter.Command(nil, "true"))
		cmd.Init = true
		if err := cmd.Start(); err != nil {
			return err
		}
		for begun := time.Now(); time.Since(begun) < 5*time.Second; time.Sleep(10 * time.Millisecond) {
			if testutil.IsGone(cmd.Process.Pid) {
				return nil
			}
		}
		return fmt.Errorf("init %d has not ended", cmd.Process.Pid)
	}
}

func TestInitHoldsNoStream(t *testing.T) {
	cmd := newPID(nsenter.Command(nil, "sh", "-c", "exec >&- 2>&-; sleep 5"))
	cmd.Init = true
	out, err := cmd.StdoutPipe()
	if err != nil {
		t.Fatal(err)
	}
	begun := time.Now()
	if err := cmd.Start(); err != nil {
		t.Fatal(err)
	}
	defer cmd.Wait()
	defer cmd.Process.Kill()
	if _, err := io.Copy(io.Discard, out); err != nil {
		t.Error(err)
	}
	if took := time.Since(begun); took > testutil.Bound(4*time.Second) {
		t.Errorf("the end of stdout came after %v", took)
	}
}

// The clocks of a new time namespace start from those of the joined one, which may be the ordinary user's own.
func TestNewClocksInAJoinedNamespace(t *testing.T) {
	target := nsenter.Command(nil, "cat")
	stdin, err := target.StdinPipe()
	if err != nil {
		t.Fatal(err)
	}
	target.Unshare = ns.Time
	target.MapRoot()
	target.New.Monotonic = 100000 * time.Second
	if err := target.Start(); err != nil {
		t.Fatal(err)
	}
	defer target.Wait()
	defer stdin.Close()
	cmd := nsenter.Command(setOf(t, target.Process.Pid, ns.User|ns.Time), "cat", "/proc/self/timens_offsets")
	cmd.Unshare = ns.Time
	cmd.New.Boottime = 5000 * time.Second
	out, err := cmd.Output()
	fields := strings.Fields(string(out))
	if err != nil || len(fields) != 6 || fields[1] != "100000" || fields[4] != "5000" {
		t.Errorf("offsets are %q (%v)", out, err)
	}
}

// A user namespace that shares our pid namespace must not find a way out through the helpers' files or root.
func TestNewUserNamespaceInAJoinedOne(t *testing.T) {
	target := testutil.Target(t, uint64(ns.User))
	cmd := nsenter.Command(setOf(t, target.PID, ns.User), "cat", "/proc/self/uid_map")
	cmd.MapRoot()
	if out, err := cmd.Output(); err != nil || strings.Join(strings.Fields(string(out)), " ") != "0 0 1" {
		t.Errorf("uid map is %q (%v)", out, err)
	}
	if _, err := exec.LookPath("true"); err != nil {
		t.Error("our own root has changed")
	}
}
