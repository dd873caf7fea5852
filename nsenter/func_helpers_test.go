//go:build linux && cgo

package nsenter_test

import (
	"context"
	"encoding/json"
	"fmt"
	"os"
	"os/exec"
	"syscall"
	"testing"

	"golang.org/x/sys/unix"

	"nsexec/internal/testutil"
	"nsexec/nsenter"
)

// whereabouts is what a function can tell of its own process. Nobody else may look unless he is privileged: the
// payload of a function is never dumpable.
type whereabouts struct {
	PID, PPID int
	UID, GID  int
	Groups    []int
	Inodes    map[string]uint64 // of its namespaces, by name
	Hostname  string
	Args, Env []string
	Dir       string
	Files     map[int]string // its open files, and where they lead
}

var tellWhere = nsenter.Register("tell where", func(context.Context, struct{}) (whereabouts, error) {
	return lookAround()
})

func lookAround() (w whereabouts, err error) {
	w = whereabouts{
		PID: os.Getpid(), PPID: os.Getppid(), UID: os.Getuid(), GID: os.Getgid(),
		Args: os.Args, Env: os.Environ(), Files: filesHere(), Inodes: make(map[string]uint64),
	}
	if w.Groups, err = os.Getgroups(); err != nil {
		return w, err
	}
	if w.Hostname, err = os.Hostname(); err != nil {
		return w, err
	}
	if w.Dir, err = os.Getwd(); err != nil {
		return w, err
	}
	for name := range testutil.TypeBits {
		var st syscall.Stat_t
		if err := syscall.Stat("/proc/self/ns/"+name, &st); err != nil {
			return w, fmt.Errorf("stat namespace %s: %w", name, err)
		}
		w.Inodes[name] = st.Ino
	}
	return w, nil
}

// filesHere asks for each number: opening a directory to list them would be one more.
func filesHere() map[int]string {
	files := make(map[int]string)
	for fd := range 1200 {
		if _, err := unix.FcntlInt(uintptr(fd), unix.F_GETFD, 0); err != nil {
			continue
		}
		link, err := os.Readlink(fmt.Sprintf("/proc/self/fd/%d", fd))
		if err != nil {
			link = err.Error()
		}
		files[fd] = link
	}
	return files
}

// where runs a Cmd of tellWhere.
func where(t testing.TB, cmd *nsenter.Cmd) (w whereabouts) {
	t.Helper()
	if err := json.Unmarshal(resultOf(t, cmd), &w); err != nil {
		t.Fatal(err)
	}
	return w
}

// resultOf runs a Cmd whose function must succeed.
func resultOf(t testing.TB, cmd *nsenter.Cmd) []byte {
	t.Helper()
	if err := cmd.Run(); err != nil {
		t.Fatal(err)
	}
	out, err := cmd.Result()
	if err != nil {
		t.Fatal(err)
	}
	return out
}

// tellingWhere is a Cmd of tellWhere that joins nothing.
func tellingWhere(t testing.TB) *nsenter.Cmd {
	return tellWhere.Command(t.Context(), nil, []byte("{}"))
}

// checkInodes compares namespaces by name.
func checkInodes(t testing.TB, got, want map[string]uint64) {
	t.Helper()
	for name, inode := range want {
		if got[name] != inode {
			t.Errorf("%s namespace: the function is in %d, want %d", name, got[name], inode)
		}
	}
}

func mustStartFunc(t testing.TB, cmd *nsenter.Cmd) {
	t.Helper()
	if err := cmd.Start(); err != nil {
		t.Fatal(err)
	}
}

// callerInZoo starts a program of the zoo, which is a caller of its own.
func callerInZoo(t testing.TB, name string, output *os.File) *exec.Cmd {
	t.Helper()
	cmd := exec.Command(zooBinary)
	cmd.Env = zooEnv(name)
	cmd.Stdout, cmd.Stderr = output, output
	if err := cmd.Start(); err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() { _ = cmd.Process.Kill(); _ = cmd.Wait() })
	return cmd
}
