//go:build linux && cgo

package lsm

import (
	"io"
	"os"
	"os/exec"
	"path/filepath"
	"runtime"
	"strings"
	"syscall"
	"testing"

	"golang.org/x/sys/unix"

	"nsexec/internal/testutil"
)

// programs is where the programs lie that are executed, each with a label of its own.
const programs = "/lsm"

// need skips the test unless a guest enforces the module's test policy.
func need(t *testing.T, module string) {
	t.Helper()
	testutil.NeedRoot(t)
	if os.Getenv("NSEXEC_GUEST") != module {
		testutil.Skipf(t, "needs a guest under %s", module)
	}
	if err := unix.Mount("programs", programs, "tmpfs", 0, "mode=755"); err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() { _ = unix.Unmount(programs, unix.MNT_DETACH) })
	for name, from := range map[string]string{"caller": "/proc/self/exe", "busybox": busybox(t), "secret": busybox(t)} {
		install(t, filepath.Join(programs, name), from)
	}
}

func busybox(t *testing.T) string {
	t.Helper()
	path, err := exec.LookPath("busybox")
	if err != nil {
		t.Fatal(err)
	}
	return path
}

func install(t *testing.T, to, from string) {
	t.Helper()
	r, err := os.Open(from)
	if err != nil {
		t.Fatal(err)
	}
	defer r.Close()
	w, err := os.OpenFile(to, os.O_CREATE|os.O_WRONLY, 0o755)
	if err != nil {
		t.Fatal(err)
	}
	if _, err := io.Copy(w, r); err != nil {
		t.Fatal(err)
	}
	if err := w.Close(); err != nil {
		t.Fatal(err)
	}
}

// caller is who executes what.
type caller struct {
	confinement string // what /proc/thread-self/attr/exec is set to
	user        bool   // an ordinary user
}

// run executes a program of the zoo as that caller, and returns what it printed.
func (c caller) run(t *testing.T, name string, arg ...string) (out string, ok bool) {
	t.Helper()
	cmd := exec.Command(filepath.Join(programs, "caller"), arg...)
	cmd.Env = append(os.Environ(), zooVariable+"="+name)
	cmd.Dir = "/"
	if c.user {
		cmd.SysProcAttr = &syscall.SysProcAttr{Credential: &syscall.Credential{Uid: 47110, Gid: 47110}}
	}
	text, err := startConfined(cmd, c.confinement)
	return strings.TrimRight(string(text), "\x00\n"), err == nil
}

// startConfined runs cmd from a thread of its own, which ends then: what is to happen at its next exec cannot be taken back.
func startConfined(cmd *exec.Cmd, confinement string) (out []byte, err error) {
	done := make(chan struct{})
	go func() {
		defer close(done)
		runtime.LockOSThread()
		if err = os.WriteFile("/proc/thread-self/attr/exec", []byte(confinement), 0); err == nil {
			out, err = cmd.CombinedOutput()
		}
	}()
	<-done
	return out, err
}

// wantDenied expects an error that says all of that.
func wantDenied(t *testing.T, out string, ok bool, says ...string) {
	t.Helper()
	if ok {
		t.Errorf("not denied: %s", out)
	}
	for _, text := range says {
		if !strings.Contains(out, text) {
			t.Errorf("%q is not in %q", text, out)
		}
	}
}
