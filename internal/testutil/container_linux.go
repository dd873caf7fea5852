package testutil

import (
	"errors"
	"fmt"
	"os"
	"os/exec"
	"path/filepath"
	"strconv"
	"strings"
	"syscall"
	"testing"

	"golang.org/x/sys/unix"
)

// RuncTarget starts a detached busybox container with runc.
func RuncTarget(t testing.TB) *Proc {
	t.Helper()
	return Container(t, "runc", ContainerTypes)
}

// CrunTarget starts a detached busybox container with crun.
func CrunTarget(t testing.TB) *Proc {
	t.Helper()
	return Container(t, "crun", ContainerTypes)
}

// Container starts a detached busybox container in new namespaces of the given types, with runc or crun.
// Like Target's process it ends with the test, or with the test's process.
func Container(t testing.TB, runtime string, types uint64) *Proc {
	t.Helper()
	NeedRoot(t)
	Needs(t, "clone3", "execveat") // with EPERM, what is linked with glibc has no threads, and neither runc nor crun starts
	for _, program := range []string{runtime, "busybox"} {
		if _, err := exec.LookPath(program); err != nil {
			Skipf(t, "%s is not installed", program)
		}
	}
	c := &container{runtime: runtime, id: fmt.Sprintf("nsexec-%d-%d", os.Getpid(), containers.Add(1)), dir: bundle(t, types)}
	return &Proc{PID: c.start(t), Types: types, kill: c.remove}
}

// container is one run of a runtime: its state and its bundle share a directory.
type container struct {
	runtime, id, dir string
	stdin            *os.File // the container's cat ends when this closes
	pid              int
}

func (c *container) start(t testing.TB) int {
	t.Helper()
	r, w, err := os.Pipe()
	if err != nil {
		t.Fatal(err)
	}
	defer r.Close()
	c.stdin = w
	t.Cleanup(c.remove)
	pidFile := filepath.Join(c.dir, "pid")
	log, err := c.run(r, "run", "--detach", "--bundle", c.dir, "--pid-file", pidFile, c.id)
	if err != nil {
		t.Fatalf("start container with %s: %v: %s", c.runtime, err, log)
	}
	text, err := os.ReadFile(pidFile)
	if err != nil {
		t.Fatal(err)
	}
	if c.pid, err = strconv.Atoi(string(text)); err != nil {
		t.Fatal(err)
	}
	// A detached runtime is done when it has told its init to execute the program, not when that has.
	Eventually(t, "the container's program runs", func() bool {
		comm, err := os.ReadFile(filepath.Join("/proc", strconv.Itoa(c.pid), "comm"))
		return err == nil && string(comm) == "cat\n"
	})
	return c.pid
}

// remove kills the container and waits until its process is gone; whoever reaps orphans here may be slow to do so.
func (c *container) remove() {
	if c.stdin == nil {
		return
	}
	_ = c.stdin.Close()
	c.stdin = nil
	_, _ = c.run(nil, "delete", "--force", c.id)
	poll(func() bool { return !alive(c.pid) })
	_ = os.RemoveAll(c.dir)
}

// run runs the runtime, in a mount namespace without the cgroup2 file system that a hybrid layout has
// beside version 1: crun 1.8 takes the layout for an incomplete version 2.
func (c *container) run(stdin *os.File, arg ...string) (log string, err error) {
	const script = `umount /sys/fs/cgroup/unified 2>/dev/null; exec "$@"`
	command := []string{c.runtime, "--root", filepath.Join(c.dir, "state")}
	if c.runtime == "crun" {
		command = append([]string{"unshare", "--mount", "--propagation", "private", "sh", "-c", script, "sh"}, command...)
	}
	command = append(command, arg...)
	cmd := exec.Command(command[0], command[1:]...)
	cmd.Stdin = stdin
	// A file, not a pipe: the container keeps it open, and a pipe would make us wait for it.
	output, err := os.Create(filepath.Join(c.dir, "log"))
	if err != nil {
		return "", err
	}
	defer output.Close()
	cmd.Stdout, cmd.Stderr = output, output
	err = cmd.Run()
	text, _ := os.ReadFile(output.Name())
	return strings.TrimSpace(string(text)), err
}

// alive tells whether a process is there and no zombie.
func alive(pid int) bool {
	if pid == 0 || errors.Is(syscall.Kill(pid, 0), unix.ESRCH) {
		return false
	}
	return !strings.HasSuffix(stat(strconv.Itoa(pid)), " Z")
}
