//go:build linux && cgo

package attack

import (
	"fmt"
	"os"
	"os/exec"
	"path/filepath"
	"strconv"
	"strings"
	"syscall"
	"testing"

	"golang.org/x/sys/unix"

	"nsexec/internal/testutil"
)

// A kind of target is what its processes may do.
type kind string

const (
	rootKind   kind = "root"
	usernsKind kind = "userns"
	adminKind  kind = "userns, CAP_SYS_ADMIN"
	deniedKind kind = "userns, setgroups denied"
	runcKind   kind = "runc"
	crunKind   kind = "crun"
	podmanKind kind = "podman"
	peerKind   kind = "a peer outside"
	sameKind   kind = "the same user, outside"
)

// hasRuntime tells whether a container runtime makes it: they take their time.
func (k kind) hasRuntime() bool { return k == runcKind || k == crunKind || k == podmanKind }

// kinds are those that there can be here. An ordinary user has none but those in a user namespace.
func kinds() []kind {
	if testutil.Who() != testutil.Root {
		return []kind{usernsKind, adminKind}
	}
	found := []kind{rootKind, usernsKind, adminKind}
	for _, k := range []kind{runcKind, crunKind, podmanKind} {
		if _, err := exec.LookPath(string(k)); err == nil && full {
			found = append(found, k)
		}
	}
	return found
}

// target is a container, and its root directory as it is seen from outside.
type target struct {
	*testutil.Proc
	kind kind
	root string
}

// ownTypes are those of the containers that are made here, without a runtime.
const ownTypes = testutil.ContainerTypes

func newTarget(t *testing.T, k kind) *target {
	t.Helper()
	target := &target{kind: k}
	switch k {
	case peerKind, sameKind: // nobody is entered
		target.Proc = &testutil.Proc{}
		return target
	case runcKind, crunKind:
		target.Proc = testutil.Container(t, string(k), ownTypes)
		target.root = fmt.Sprintf("/proc/%d/root", target.PID)
	case podmanKind:
		target.start(t, podman)
	case rootKind, usernsKind, adminKind, deniedKind:
		target.start(t, contain)
	}
	target.put(t, "evil", evil)
	return target
}

// start makes a root directory, and a container of it.
func (tg *target) start(t *testing.T, run func(*testing.T, *target)) {
	t.Helper()
	tg.root = filepath.Join(newDir(t), "root")
	for _, dir := range []string{"bin", "proc", "dev", "tmp", "etc"} {
		if err := os.MkdirAll(filepath.Join(tg.root, dir), 0o755); err != nil {
			t.Fatal(err)
		}
	}
	busybox, err := exec.LookPath("busybox")
	if err != nil {
		testutil.Skip(t, "busybox is not installed")
	}
	for _, name := range []string{"true", "cat", "sh", "mount", "sleep"} {
		tg.put(t, "bin/"+name, busybox)
	}
	tg.put(t, "evil", evil)
	for _, name := range []string{"null", "tty"} {
		tg.write(t, "dev/"+name, "")
	}
	run(t, tg)
}

func newDir(t *testing.T) string {
	t.Helper()
	dir, err := os.MkdirTemp(workshop, "target-")
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() { _ = os.RemoveAll(dir) })
	if err := os.Chmod(dir, 0o755); err != nil {
		t.Fatal(err)
	}
	return dir
}

// contain starts a container without a runtime: evil makes it, and is its process 1 as cat.
func contain(t *testing.T, tg *target) {
	t.Helper()
	cmd := exec.Command(evil, "contain", tg.root, "/bin/cat")
	cmd.SysProcAttr = &syscall.SysProcAttr{Cloneflags: uintptr(ownTypes)}
	if tg.kind != rootKind {
		tg.mapUsers(cmd.SysProcAttr)
		own(t, tg)
	}
	stdin, err := cmd.StdinPipe()
	if err != nil {
		t.Fatal(err)
	}
	var said strings.Builder
	cmd.Stderr = &said
	if err := cmd.Start(); err != nil {
		t.Fatal(err)
	}
	tg.Proc = &testutil.Proc{PID: cmd.Process.Pid, Types: ownTypes}
	t.Cleanup(func() { stdin.Close(); _ = cmd.Process.Kill(); _ = cmd.Wait() })
	testutil.Eventually(t, "the container's program runs", func() bool {
		comm, err := os.ReadFile(fmt.Sprintf("/proc/%d/comm", tg.PID))
		return err == nil && string(comm) == "cat\n"
	})
}

// mapUsers: root has ids of its own for the container, everybody else the one that he is.
func (tg *target) mapUsers(attr *syscall.SysProcAttr) {
	attr.Cloneflags |= unix.CLONE_NEWUSER
	uid, gid, size := os.Geteuid(), os.Getegid(), 1
	if testutil.Who() == testutil.Root {
		uid, gid, size = firstID, firstID, 65536
		attr.GidMappingsEnableSetgroups = tg.kind != deniedKind
	}
	attr.UidMappings = []syscall.SysProcIDMap{{HostID: uid, Size: size}}
	attr.GidMappings = []syscall.SysProcIDMap{{HostID: gid, Size: size}}
	attr.Credential = &syscall.Credential{NoSetGroups: testutil.Who() != testutil.Root}
}

const firstID = 100000

// own gives all files of a container in a user namespace to its root.
func own(t *testing.T, tg *target) {
	t.Helper()
	if testutil.Who() != testutil.Root || !strings.HasPrefix(string(tg.kind), string(usernsKind)) {
		return
	}
	err := filepath.WalkDir(tg.root, func(path string, _ os.DirEntry, err error) error {
		if err != nil {
			return err
		}
		return os.Lchown(path, firstID, firstID)
	})
	if err != nil {
		t.Fatal(err)
	}
}

// path is a file of the target's, as seen from outside.
func (tg *target) path(name string) string { return filepath.Join(tg.root, name) }

func (tg *target) put(t *testing.T, name, from string) {
	t.Helper()
	if err := os.MkdirAll(filepath.Dir(tg.path(name)), 0o755); err != nil {
		t.Fatal(err)
	}
	if err := copyFile(tg.path(name), from); err != nil {
		t.Fatal(err)
	}
}

func (tg *target) write(t *testing.T, name, text string) {
	t.Helper()
	if err := os.MkdirAll(filepath.Dir(tg.path(name)), 0o755); err != nil {
		t.Fatal(err)
	}
	if err := os.WriteFile(tg.path(name), []byte(text), 0o755); err != nil {
		t.Fatal(err)
	}
}

func (tg *target) link(t *testing.T, name, to string) {
	t.Helper()
	_ = os.Remove(tg.path(name))
	if err := os.Symlink(to, tg.path(name)); err != nil {
		t.Fatal(err)
	}
}

// capabilities are what a process of the target has: see bound in testdata/evil.
func (tg *target) capabilities() string {
	if tg.kind == adminKind {
		return "all"
	}
	return "default"
}

// inside is a program in the target's namespaces, as its root, with all capabilities over them.
func (tg *target) inside(arg ...string) *exec.Cmd {
	enter := []string{"-t", strconv.Itoa(tg.PID), "-m", "-u", "-i", "-n", "-p", "-C"}
	if tg.kind == rootKind || tg.kind.hasRuntime() {
		return exec.Command("nsenter", append(enter, arg...)...)
	}
	if testutil.Who() == testutil.Root {
		enter = append(enter, "-U", "-S", "0", "-G", "0")
	} else { // who is its root already
		enter = append(enter, "-U", "--preserve-credentials")
	}
	return exec.Command("nsenter", append(enter, arg...)...)
}

// command is a program that runs as a process of the target: with its ids, and the capabilities of its kind.
func (tg *target) command(arg ...string) *exec.Cmd {
	return tg.inside(append([]string{"/evil", "bound", tg.capabilities()}, arg...)...)
}
