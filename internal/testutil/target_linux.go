package testutil

import (
	"errors"
	"io"
	"os"
	"os/exec"
	"strconv"
	"strings"
	"syscall"
	"testing"

	"golang.org/x/sys/unix"
)

// Proc is a target: a process that waits in namespaces of its own.
type Proc struct {
	PID   int    // as the caller sees it
	Types uint64 // the namespaces that it has of its own
	kill  func()
}

// Kill kills the target and reaps it. Cleanup does that too; a second call does nothing.
func (p *Proc) Kill() {
	if p.kill != nil {
		p.kill()
		p.kill = nil
	}
}

// Target starts a process in new namespaces of the given types and no others, except that an ordinary user always gets
// a user namespace as well, since nothing can be made without. A target with a pid namespace is its pid 1 (see forked).
// It ends with the test, and also when the test's process is killed.
func Target(t testing.TB, types uint64) *Proc {
	t.Helper()
	if os.Geteuid() != 0 {
		types |= unix.CLONE_NEWUSER
	}
	p := start(t, types, "cat")
	if types&unix.CLONE_NEWTIME != 0 && Namespace(t, p.PID, "time") == Namespace(t, os.Getpid(), "time") {
		p.Kill()
		return forked(t, types)
	}
	return p
}

// forked makes the target a child of the process that asked for the namespaces: on older kernels execve
// does not enter the new time namespace, only fork does. The target is then pid 2 of its pid namespace.
func forked(t testing.TB, types uint64) *Proc {
	t.Helper()
	p := start(t, types, "sh", "-c", "exec 3<&0; cat <&3 & wait")
	p.PID = onlyChild(t, p.PID)
	kill := p.kill
	p.kill = func() {
		kill()
		Eventually(t, "target gone", func() bool { return IsGone(p.PID) }) // it ends with its input, after its parent
	}
	return p
}

// start runs a program that lives until its standard input ends: until the target is killed or this process is gone.
// (PR_SET_PDEATHSIG would also trip when a mere thread of a Go program exits.)
func start(t testing.TB, types uint64, name string, arg ...string) *Proc {
	t.Helper()
	cmd := exec.Command(name, arg...)
	cmd.Dir = "/"
	cmd.SysProcAttr = attributes(types)
	stdin, err := cmd.StdinPipe()
	if err != nil {
		t.Fatal(err)
	}
	if err := cmd.Start(); err != nil {
		_ = stdin.Close()
		cannotStart(t, types, err)
	}
	p := &Proc{PID: cmd.Process.Pid, Types: types, kill: func() { end(cmd, stdin) }}
	t.Cleanup(p.Kill)
	return p
}

// cannotStart skips where the machine keeps ordinary users from making user namespaces (a sysctl, AppArmor).
func cannotStart(t testing.TB, types uint64, err error) {
	t.Helper()
	if Who() == User && (errors.Is(err, unix.EPERM) || errors.Is(err, unix.ENOSPC)) {
		Skipf(t, "an ordinary user cannot make a user namespace here: %v", err)
	}
	t.Fatalf("start target with namespaces %#x: %v", types, err)
}

func end(cmd *exec.Cmd, stdin io.Closer) {
	_ = stdin.Close()
	_ = cmd.Process.Kill()
	_ = cmd.Wait() // the status of a killed process says nothing
}

// attributes asks for the namespaces. clone(2) cannot make a time namespace: its bit lies among those of the exit signal.
func attributes(types uint64) *syscall.SysProcAttr {
	attr := &syscall.SysProcAttr{
		Cloneflags:   uintptr(types &^ unix.CLONE_NEWTIME),
		Unshareflags: uintptr(types & unix.CLONE_NEWTIME),
	}
	if types&unix.CLONE_NEWUSER != 0 {
		mapUsers(attr)
	}
	return attr
}

// mapUsers makes the target root of its user namespace: over 65,536 ids of its own where we are root, over our own id elsewhere.
func mapUsers(attr *syscall.SysProcAttr) {
	uid, gid, size := os.Geteuid(), os.Getegid(), 1
	if Who() == Root {
		uid, gid, size = 100000, 100000, 65536
		attr.GidMappingsEnableSetgroups = true
	}
	attr.UidMappings = []syscall.SysProcIDMap{{HostID: uid, Size: size}}
	attr.GidMappings = []syscall.SysProcIDMap{{HostID: gid, Size: size}}
	attr.Credential = &syscall.Credential{NoSetGroups: Who() != Root}
}

// onlyChild waits for the one child of a process that has a single thread.
func onlyChild(t testing.TB, pid int) int {
	t.Helper()
	path := "/proc/" + strconv.Itoa(pid) + "/task/" + strconv.Itoa(pid) + "/children"
	var child int
	Eventually(t, "child of "+strconv.Itoa(pid), func() bool {
		text, err := os.ReadFile(path)
		if err != nil {
			t.Fatal(err)
		}
		child, err = strconv.Atoi(strings.TrimSpace(string(text)))
		return err == nil
	})
	return child
}
