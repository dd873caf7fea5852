//go:build linux && cgo

package nsenter_test

import (
	"context"
	"errors"
	"io"
	"os"
	"path/filepath"
	"reflect"
	"slices"
	"strconv"
	"testing"

	"golang.org/x/sys/unix"

	"nsexec/internal/testutil"
	"nsexec/nsenter"
)

// The two sides of each difference.

// wantField asserts whether a struct has a field.
func wantField[T any](t *testing.T, name string, want bool) {
	t.Helper()
	if _, ok := reflect.TypeFor[T]().FieldByName(name); ok != want {
		t.Errorf("it has %s: %v, want %v", name, ok, want)
	}
}

func wantRunPath(t *testing.T, w *way, absolute bool) {
	t.Helper()
	c := w.command("true")
	if err := c.Run(); err != nil {
		t.Fatal(err)
	}
	if filepath.IsAbs(*c.Path) != absolute || c.String() != *c.Path {
		t.Errorf("Path is %q, String is %q", *c.Path, c)
	}
}

// alongOwnPath runs what only the PATH in Env leads to.
func alongOwnPath(t *testing.T, w *way) error {
	dir := openDir(t)
	writeFile(t, filepath.Join(dir, "only-there"), "#!/bin/sh\n", 0o755)
	c := w.command("only-there")
	*c.Env = []string{"PATH=/no/such/dir", "PATH=" + dir}
	return c.Run()
}

func withoutPath(w *way) error {
	c := w.command("true")
	*c.Env = []string{"HOME=/"}
	return c.Run()
}

func pathByHand(t *testing.T, w *way) error {
	dir := openDir(t)
	writeFile(t, filepath.Join(dir, "prog"), "#!/bin/sh\n", 0o755)
	c := w.empty()
	*c.Path, *c.Dir = "prog", dir
	return c.Run()
}

// standWithProgram makes a directory with a program, and goes there.
func standWithProgram(t *testing.T) (dir string) {
	t.Helper()
	dir = openDir(t)
	writeFile(t, filepath.Join(dir, "prog"), "#!/bin/sh\n", 0o755)
	t.Chdir(dir)
	return dir
}

// behindDot runs what a relative entry has, and an absolute one after it.
func behindDot(t *testing.T, w *way) error {
	t.Setenv("PATH", ".:"+standWithProgram(t))
	return w.command("prog").Run()
}

func dotAllowed(t *testing.T, w *way) error {
	standWithProgram(t)
	t.Setenv("PATH", ".")
	t.Setenv("GODEBUG", "execerrdot=0")
	return w.command("prog").Run()
}

func dotCleared(t *testing.T, w *way) error {
	standWithProgram(t)
	t.Setenv("PATH", ".")
	c := w.command("prog")
	*c.Err = nil
	return c.Run()
}

func onlyDenied(t *testing.T, w *way) error {
	dir := openDir(t)
	writeFile(t, filepath.Join(dir, "prog"), "#!/bin/sh\n", 0o644)
	t.Setenv("PATH", dir)
	return w.command("prog").Run()
}

func dirInside(t *testing.T) {
	w := inside(t, testutil.AllTypes)
	t.Chdir(openDir(t))
	c := w.zoo("getwd")
	if pwd := pwdOf(c.Environ()); !slices.Equal(pwd, []string{"/"}) {
		t.Errorf("PWD is %q", pwd)
	}
	wantOutput(t, c, "/")
	wantPWD(t, w, "tmp", "/tmp")
}

func startErrors(t *testing.T) {
	done, cancel := context.WithCancel(t.Context())
	cancel()
	missingDir := nsenter.Command(nil, "/bin/true")
	missingDir.Dir = "/no/such/directory"
	for what, c := range map[string]*nsenter.Cmd{
		"no program":           {},
		"missing program":      nsenter.Command(nil, "/no/such/program"),
		"missing name":         nsenter.Command(nil, "no-such-program"),
		"missing directory":    missingDir,
		"NUL":                  nsenter.Command(nil, "/bin/true", "\x00"),
		"context that is done": nsenter.CommandContext(done, nil, "/bin/true"),
	} {
		err := c.Start()
		if _, ok := err.(*nsenter.Error); !ok { //nolint:errorlint // nothing wraps it
			t.Errorf("%s: error is %T %v", what, err, err)
		}
	}
}

// wantWaits asserts what Process.Wait, and Wait after it, return for a program that has ended.
func wantWaits(t *testing.T, w *way, process, command error) {
	t.Helper()
	c := w.command("/bin/true")
	mustStart(t, c)
	awaitEnd(t, w, *c.Process)
	_, err := (*c.Process).Wait()
	wantCause(t, "Process.Wait", err, process)
	wantCause(t, "Wait", c.Wait(), command)
}

// awaitEnd waits until a program is a zombie, or has been reaped where it should be.
func awaitEnd(t *testing.T, w *way, p *os.Process) {
	t.Helper()
	testutil.Eventually(t, "end of the program", func() bool {
		var info unix.Siginfo
		err := unix.Waitid(unix.P_PID, p.Pid, &info, unix.WEXITED|unix.WNOHANG|unix.WNOWAIT, nil)
		return errors.Is(err, unix.ECHILD) || w.exec && info.Signo != 0
	})
}

func cancelLate(t *testing.T, w *way) error {
	t.Helper()
	ctx, cancel := context.WithCancel(t.Context())
	c := w.commandContext(ctx, "/bin/true")
	called := make(chan struct{})
	kill := *c.Cancel
	*c.Cancel = func() error { defer close(called); return kill() }
	mustStart(t, c)
	awaitEnd(t, w, *c.Process)
	cancel()
	<-called
	return c.Wait()
}

func wantLeak(t *testing.T, w *way, want string) {
	t.Helper()
	f := openFile(t, filepath.Join(openDir(t), "f"), "leaked\n")
	fd, err := unix.FcntlInt(f.Fd(), unix.F_DUPFD, 300) // without close-on-exec
	if err != nil {
		t.Fatal(err)
	}
	defer unix.Close(fd)
	wantOutput(t, w.shell(`if [ -e /proc/self/fd/$1 ]; then cat /proc/self/fd/$1; fi`, strconv.Itoa(fd)), want)
}

func closedFile(t *testing.T, w *way) error {
	f := openFile(t, filepath.Join(openDir(t), "f"), "")
	f.Close()
	c := w.command("/bin/true")
	*c.Stdout = f
	return c.Run()
}

// contextDuringStart cancels while the payload waits to be released.
func contextDuringStart(t *testing.T) {
	ctx, cancel := context.WithCancel(t.Context())
	c := nsenter.CommandContext(ctx, nil, "/bin/cat")
	c.Cancel = func() error { t.Error("Cancel was called"); return nil }
	stdout := pipe(t, c.StdoutPipe)
	c.BeforeExec = func(int) error { cancel(); return nil }
	wantCause(t, "Start", c.Start(), context.Canceled)
	if _, err := io.ReadAll(stdout); !errors.Is(err, os.ErrClosed) {
		t.Errorf("stdout: %v", err)
	}
	if c.Process != nil {
		t.Errorf("process is %v", c.Process)
	}
}
