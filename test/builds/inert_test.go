//go:build linux

package builds

import (
	"errors"
	"fmt"
	"os"
	"os/exec"
	"path/filepath"
	"strings"
	"testing"
)

// surroundings are what a process may find in its environment and behind the number that stands there. None of it is a
// request, for which the socket's other end would have to be the parent's.
var surroundings = map[string]struct {
	value string
	file  func(t *testing.T) *os.File
}{
	"nothing":                   {},
	"empty":                     {value: "="},
	"no number":                 {value: "=3x"},
	"closed":                    {value: "=3"},
	"number of nothing":         {value: "=99999999999"},
	"file":                      {value: "=3", file: null},
	"pipe":                      {value: "=3", file: pipeEnd},
	"socket of somebody else":   {value: "=3", file: socketEnd},
	"socket under another name": {value: "=4", file: socketEnd},
	"stdin":                     {value: "=0"},
}

func null(t *testing.T) *os.File {
	t.Helper()
	file, err := os.Open(os.DevNull)
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() { file.Close() })
	return file
}

func pipeEnd(t *testing.T) *os.File {
	t.Helper()
	r, w, err := os.Pipe()
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() { r.Close(); w.Close() })
	return r
}

func socketEnd(t *testing.T) *os.File {
	t.Helper()
	cmd := withSocket(t, exec.Command("true"))
	return cmd.ExtraFiles[0]
}

// A program that has the library, and was not started by it, is the program that it would be without.
func TestIdenticalToUnlinked(t *testing.T) {
	compilesWhole(t)
	c := newConsumer(t)
	programs := []string{c.build(t, nil, "unlinked", "./inert"), c.build(t, nil, "linked", "./inert", "-tags=linked")}
	files := make(map[string]*os.File)
	for name, s := range surroundings {
		if s.file != nil {
			files[name] = s.file(t)
		}
	}
	for _, mode := range []os.FileMode{0o755, 0o755 | os.ModeSetuid, 0o755 | os.ModeSetgid} {
		without, with := c.sayings(t, programs[0], mode, files), c.sayings(t, programs[1], mode, files)
		for how, want := range without {
			if !strings.HasSuffix(want, "status 3\n") {
				t.Errorf("%v, %s: unlinked it says\n%s", mode, how, want)
			}
			if got := with[how]; got != want {
				t.Errorf("%v, %s: linked it says\n%s\nunlinked\n%s", mode, how, got, want)
			}
		}
	}
}

// sayings are what a program says, in all surroundings and as everybody, from one path and by way of a shell: that is its parent.
func (c *consumer) sayings(t *testing.T, program string, mode os.FileMode, files map[string]*os.File) map[string]string {
	t.Helper()
	path := filepath.Join(c.dir, "bin", "program")
	text, err := os.ReadFile(program)
	if err != nil {
		t.Fatal(err)
	}
	if err := errors.Join(os.RemoveAll(path), os.WriteFile(path, text, 0o755), os.Chmod(path, mode)); err != nil {
		t.Fatal(err)
	}
	says := make(map[string]string)
	for name, s := range surroundings {
		for who, cmd := range everybody("/bin/sh", "-c", `"$0" one two; echo status $?`, path) {
			cmd.Dir, cmd.Env = "/", []string{"FIRST=1", pipeVariable + s.value, "LAST=1"}
			if file := files[name]; file != nil {
				cmd.ExtraFiles = []*os.File{file}
			}
			says[fmt.Sprintf("%s as %s", name, who)] = c.outputOf(t, cmd)
		}
	}
	return says
}

// outputOf is what goes to the same file each time.
func (c *consumer) outputOf(t *testing.T, cmd *exec.Cmd) string {
	t.Helper()
	path := filepath.Join(c.dir, "output")
	file, err := os.OpenFile(path, os.O_CREATE|os.O_TRUNC|os.O_WRONLY, 0o644)
	if err != nil {
		t.Fatal(err)
	}
	defer file.Close()
	cmd.Stdout, cmd.Stderr = file, file
	if err := cmd.Run(); err != nil {
		t.Errorf("%v: %v", cmd, err)
	}
	text, err := os.ReadFile(path)
	if err != nil {
		t.Fatal(err)
	}
	return string(text)
}

// A test binary is a program like any other, whatever it finds in its environment.
func TestGoTest(t *testing.T) {
	compilesWhole(t)
	c := newConsumer(t)
	for _, value := range []string{"3", "nonsense"} {
		c.run(t, []string{pipeVariable + "=" + value}, "go", "test", "-vet=off", "-count=1", "./tested")
	}
}

// A program that has runc's constructor too, which has another variable, and comes later.
func TestBesideRunc(t *testing.T) {
	compilesWhole(t)
	c := newConsumer(t)
	both := c.build(t, nil, "both", "./both")
	c.checkJoins(t, both)
	theirs := exec.Command(both)
	theirs.Env = append(os.Environ(), "_LIBCONTAINER_INITPIPE=nonsense")
	out, err := theirs.CombinedOutput()
	if text := string(out); err == nil || !strings.Contains(text, "_LIBCONTAINER_INITPIPE") || strings.Contains(text, "joined") {
		t.Errorf("asked by its own variable, runc's constructor did nothing: %v, %q", err, text)
	}
}
