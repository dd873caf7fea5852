//go:build linux && cgo

package attack

import (
	"fmt"
	"os"
	"os/exec"
	"path/filepath"
	"testing"
	"time"

	"golang.org/x/sys/unix"
)

// A process that the library seems to have started, whose parent speaks to it: in the wrong words.
func TestForgedRequests(t *testing.T) {
	a := attack{
		name: "send a stage noise, half a request, another program's request", weak: []string{"malformed"},
		kinds: []kind{peerKind}, ways: []way{oneShot}, try: forgeRequests,
	}
	a.run(t)
}

func forgeRequests(t *testing.T, s *scene) string {
	trace := filepath.Join(newDir(t), "trace")
	for _, kind := range []string{"nothing", "noise", "short", "magic", "size"} {
		message, err := exec.Command(evil, "forge", kind, trace).Output()
		if err != nil {
			t.Fatal(err)
		}
		if won := s.speakTo(t, message); won != "" {
			return kind + ": " + won
		}
		if _, err := os.Stat(trace); err == nil {
			return kind + ": a program has run"
		}
	}
	// The same in the right words: or nothing has been tested.
	message, err := exec.Command(evil, "forge", "valid", trace).Output()
	if err != nil {
		t.Fatal(err)
	}
	if won := s.speakTo(t, message); won != "" {
		t.Errorf("a valid request: %s", won)
	}
	if _, err := os.Stat(trace); err != nil {
		t.Errorf("a valid request is not served: %v", err)
	}
	return ""
}

// speakTo starts a stage, and tells how it has ended if not in order.
func (s *scene) speakTo(t *testing.T, message []byte) string {
	t.Helper()
	fds, err := unix.Socketpair(unix.AF_UNIX, unix.SOCK_STREAM|unix.SOCK_CLOEXEC, 0)
	if err != nil {
		t.Fatal(err)
	}
	ours, theirs := os.NewFile(uintptr(fds[0]), "ours"), os.NewFile(uintptr(fds[1]), "theirs")
	defer ours.Close()
	cmd := exec.Command(s.caller)
	cmd.Args = []string{"nsexec:[0:JOIN]"}
	cmd.Env = []string{"_NSENTER_PIPE=3"}
	cmd.ExtraFiles = []*os.File{theirs}
	out := filepath.Join(newDir(t), "out")
	stdout, err := os.Create(out)
	if err != nil {
		t.Fatal(err)
	}
	defer stdout.Close()
	cmd.Stdout = stdout
	if err := cmd.Start(); err != nil {
		t.Fatal(err)
	}
	theirs.Close()
	_, _ = ours.Write(message) // it may have had enough
	if len(message) == 0 {
		_ = unix.Shutdown(fds[0], unix.SHUT_WR)
	}
	// Not at once: who hangs up takes back that it may go on.
	end := time.AfterFunc(300*time.Millisecond, func() { _ = unix.Shutdown(fds[0], unix.SHUT_WR) })
	defer end.Stop()
	timer := time.AfterFunc(10*time.Second, func() { _ = cmd.Process.Kill() })
	defer timer.Stop()
	_ = cmd.Wait() // its status tells
	if said, _ := os.ReadFile(out); len(said) > 0 {
		return string(said)
	}
	if code := cmd.ProcessState.ExitCode(); code != 0 && code != 1 {
		return fmt.Sprint(cmd.ProcessState)
	}
	return ""
}
