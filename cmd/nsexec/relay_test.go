//go:build linux && cgo

package main

import (
	"bufio"
	"fmt"
	"io"
	"os"
	"os/exec"
	"strings"
	"syscall"
	"testing"
	"time"

	"nsexec/internal/testutil"
)

// session is a command whose program has said that it is ready.
type session struct {
	cmd    *exec.Cmd
	stdin  io.WriteCloser
	stdout *bufio.Reader
}

// open runs a shell script in a target. Its first line of output must be "ready".
func open(t *testing.T, script string) *session {
	t.Helper()
	return openSession(t, inTarget(everything(t), "-a", "sh", "-c", script))
}

func openSession(t *testing.T, cmd *exec.Cmd) *session {
	t.Helper()
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
		t.Fatal(err)
	}
	t.Cleanup(func() { stdin.Close(); _ = cmd.Process.Kill() })
	s := &session{cmd, stdin, bufio.NewReader(stdout)}
	s.want(t, "ready")
	return s
}

func (s *session) want(t *testing.T, line string) {
	t.Helper()
	if got, err := s.stdout.ReadString('\n'); got != line+"\n" {
		t.Fatalf("the program says %q (%v), want %q", got, err, line)
	}
}

func (s *session) signal(t *testing.T, sig os.Signal) {
	t.Helper()
	if err := s.cmd.Process.Signal(sig); err != nil {
		t.Fatal(err)
	}
}

func (s *session) wantStatus(t *testing.T, want int) {
	t.Helper()
	_ = s.cmd.Wait()
	if got := s.cmd.ProcessState.ExitCode(); got != want {
		t.Errorf("ended with %v, want exit status %d", s.cmd.ProcessState, want)
	}
}

func TestRelayForwards(t *testing.T) {
	for sig, name := range map[syscall.Signal]string{syscall.SIGTERM: "TERM", syscall.SIGHUP: "HUP", syscall.SIGCONT: "CONT"} {
		s := open(t, "trap 'exit 9' "+name+"; echo ready; while :; do sleep 0.02; done")
		s.signal(t, sig)
		s.wantStatus(t, 9)
	}
}

func TestRelayLeavesTheKeyboardToTheProgram(t *testing.T) {
	s := open(t, "echo ready; read line; exit 4")
	s.signal(t, syscall.SIGINT)
	s.signal(t, syscall.SIGQUIT)
	time.Sleep(50 * time.Millisecond)
	fmt.Fprintln(s.stdin)
	s.wantStatus(t, 4)
}

func TestRelayStopsAndContinues(t *testing.T) {
	s := open(t, "echo ready; kill -STOP $$; echo continued; read line; exit 5")
	testutil.Eventually(t, "stop of the command", func() bool { return state(t, s.cmd.Process.Pid) == "T" })
	s.signal(t, syscall.SIGCONT)
	s.want(t, "continued")
	fmt.Fprintln(s.stdin)
	s.wantStatus(t, 5)
}

// state is the letter in /proc/PID/stat.
func state(t *testing.T, pid int) string {
	t.Helper()
	text, err := os.ReadFile(fmt.Sprintf("/proc/%d/stat", pid))
	if err != nil {
		t.Fatal(err)
	}
	_, rest, _ := strings.Cut(string(text), ") ")
	return rest[:1]
}

// Nothing of our own handling of signals reaches the program.
func TestRelayLeavesNoTrace(t *testing.T) {
	p := everything(t)
	look := []string{"grep", "-E", "^Sig(Ign|Blk)", "/proc/self/status"}
	want := mustRun(t, exec.Command(look[0], look[1:]...))
	if got := mustRun(t, inTarget(p, append([]string{"-a"}, look...)...)); got != want {
		t.Errorf("signals of the program are\n%swant\n%s", got, want)
	}
	ignoring := exec.Command("sh", append([]string{"-c", `trap "" HUP INT; exec "$@"`, "sh"}, look...)...)
	want = mustRun(t, ignoring)
	cmd := inTarget(p, append([]string{"-a"}, look...)...)
	ignoring = exec.Command("sh", append([]string{"-c", `trap "" HUP INT; exec "$@"`, "sh", "/proc/self/exe"}, cmd.Args[1:]...)...)
	ignoring.Args[4] = mustExecutable(t)
	ignoring.Env = cmd.Env
	if got := mustRun(t, ignoring); got != want {
		t.Errorf("where they are ignored, signals of the program are\n%swant\n%s", got, want)
	}
}

func mustExecutable(t *testing.T) string {
	t.Helper()
	path, err := os.Executable()
	if err != nil {
		t.Fatal(err)
	}
	return path
}
