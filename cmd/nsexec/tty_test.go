//go:build linux && cgo

package main

import (
	"io"
	"os"
	"os/exec"
	"strconv"
	"strings"
	"syscall"
	"testing"
	"time"

	"golang.org/x/sys/unix"
)

// terminal is a pseudoterminal, seen from the keyboard.
type terminal struct {
	*os.File
	shown strings.Builder
}

// onTerminal runs cmd in a session of its own whose controlling terminal is a new one.
func onTerminal(t *testing.T, cmd *exec.Cmd) *terminal {
	t.Helper()
	keyboard, err := os.OpenFile("/dev/ptmx", os.O_RDWR, 0)
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() { keyboard.Close() })
	screen := otherEnd(t, keyboard)
	defer screen.Close()
	cmd.Stdin, cmd.Stdout, cmd.Stderr = screen, screen, screen
	cmd.SysProcAttr = &syscall.SysProcAttr{Setsid: true, Setctty: true}
	if err := cmd.Start(); err != nil {
		t.Fatal(err)
	}
	return &terminal{File: keyboard}
}

func otherEnd(t *testing.T, keyboard *os.File) *os.File {
	t.Helper()
	conn, err := keyboard.SyscallConn() // Fd would make it blocking, so without deadlines
	if err != nil {
		t.Fatal(err)
	}
	var number int
	err = conn.Control(func(fd uintptr) {
		_ = unix.IoctlSetPointerInt(int(fd), unix.TIOCSPTLCK, 0)
		number, _ = unix.IoctlGetInt(int(fd), unix.TIOCGPTN)
	})
	if err != nil {
		t.Fatal(err)
	}
	screen, err := os.OpenFile("/dev/pts/"+strconv.Itoa(number), os.O_RDWR|unix.O_NOCTTY, 0)
	if err != nil {
		t.Fatal(err)
	}
	return screen
}

// await reads until the text is shown.
func (term *terminal) await(t *testing.T, text string) {
	t.Helper()
	_ = term.SetReadDeadline(time.Now().Add(5 * time.Second))
	buf := make([]byte, 1024)
	for !strings.Contains(term.shown.String(), text) {
		n, err := term.Read(buf)
		term.shown.Write(buf[:n])
		if err != nil {
			t.Fatalf("%q is not shown (%v), but %q", text, err, term.shown.String())
		}
	}
}

func (term *terminal) press(t *testing.T, key string) {
	t.Helper()
	if _, err := io.WriteString(term, key); err != nil {
		t.Fatal(err)
	}
}

const (
	ctrlC = "\x03"
	ctrlZ = "\x1a"
)

// The program gets ^C from the terminal, once, and decides.
func TestTerminalInterrupts(t *testing.T) {
	p := everything(t)
	cmd := inTarget(p, "-a", "sh", "-c", "trap 'echo interrupted; exit 3' INT; echo ready; while :; do sleep 0.02; done")
	term := onTerminal(t, cmd)
	term.await(t, "ready")
	term.press(t, ctrlC)
	term.await(t, "interrupted")
	_ = cmd.Wait()
	if cmd.ProcessState.ExitCode() != 3 {
		t.Errorf("ended with %v", cmd.ProcessState)
	}

	cmd = inTarget(p, "-a", "sh", "-c", "echo ready; exec sleep 60")
	term = onTerminal(t, cmd)
	term.await(t, "ready")
	term.press(t, ctrlC)
	_ = cmd.Wait()
	if status := cmd.ProcessState.Sys().(syscall.WaitStatus); !status.Signaled() || status.Signal() != unix.SIGINT {
		t.Errorf("ended with %v", cmd.ProcessState)
	}
}

// A shell with job control sees the command stop at ^Z, and can bring it back.
func TestTerminalStops(t *testing.T) {
	inner := inTarget(everything(t), "-a", "sh", "-c", "echo ready; read line; echo got $line; exit 5")
	// By the terminal's SIGTSTP, or by its own SIGSTOP, if the program was faster.
	const script = `"$@"; case $(kill -l $?) in TSTP | STOP) echo stopped ;; esac; fg >/dev/null; echo ended=$?`
	cmd := exec.Command("sh", append([]string{"-m", "-c", script, "sh", mustExecutable(t)}, inner.Args[1:]...)...)
	cmd.Env = inner.Env
	term := onTerminal(t, cmd)
	term.await(t, "ready")
	term.press(t, ctrlZ)
	term.await(t, "stopped")
	term.press(t, "hello\n")
	term.await(t, "got hello")
	term.await(t, "ended=5")
	_ = cmd.Wait()
}
