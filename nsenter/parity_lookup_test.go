//go:build linux && cgo

package nsenter_test

import (
	"errors"
	"os"
	"os/exec"
	"path/filepath"
	"strings"
	"syscall"
	"testing"
)

// lookup is what a PATH leads to: the program's name for itself, or an error.
type lookup struct {
	name  string
	path  []string
	wants string
	cause error
	not   error // what the error is not
}

// Through os/exec the lookup is along the caller's PATH, here along the payload's: both are set.
func (l *lookup) run(t *testing.T, w *way, dir string) {
	t.Helper()
	t.Setenv("PATH", strings.Join(l.path, ":"))
	c := w.command(l.name)
	*c.Dir = dir
	out, err := c.Output()
	what := l.name + " along " + os.Getenv("PATH")
	if l.cause == nil {
		if err != nil || string(out) != l.wants+"\n" {
			t.Errorf("%s: %q, %v, want %q", what, out, err, l.wants)
		}
		return
	}
	wantCause(t, what, err, l.cause)
	if l.not != nil && errors.Is(err, l.not) {
		t.Errorf("%s: error is %v", what, err)
	}
}

// lookupTree makes directories to look in, each program being named for where it is.
func lookupTree(t *testing.T) (dir string, in func(name string) string) {
	t.Helper()
	dir = openDir(t)
	in = func(name string) string { return filepath.Join(dir, name) }
	for _, name := range []string{"one/prog", "two/prog", "two/second", "here/prog", "here/local", "no-x/below/x"} {
		writeFile(t, in(name), "#!/bin/sh\necho "+filepath.Dir(name)+"\n", 0o755)
	}
	writeFile(t, in("garbage/prog"), "\x01\x02\x03", 0o755)
	writeFile(t, in("astray/prog"), "#!/no/such/interpreter\n", 0o755)
	writeFile(t, in("plain/prog"), "#!/bin/sh\n", 0o644)
	writeFile(t, in("file"), "", 0o755)
	for _, name := range []string{"directory/prog", "here/only-directory"} {
		if err := os.MkdirAll(in(name), 0o755); err != nil {
			t.Fatal(err)
		}
	}
	if err := os.Symlink("loop", in("loop")); err != nil {
		t.Fatal(err)
	}
	return dir, in
}

func TestParityLookup(t *testing.T) {
	dir, in := lookupTree(t)
	one, two, here := in("one"), in("two"), in("here")
	t.Chdir(here)
	everyWay(t, func(t *testing.T, w *way) {
		for _, l := range []lookup{
			{name: "prog", path: []string{one, two}, wants: "one"},
			{name: "prog", path: []string{two, one}, wants: "two"},
			{name: "second", path: []string{one, two}, wants: "two"},
			{name: "prog", path: []string{"/no/such/dir", in("file"), in("file/below"), two}, wants: "two"},
			{name: "prog", path: []string{in("directory"), two}, wants: "two"},
			{name: "prog", path: []string{in("plain"), two}, wants: "two"},
			{name: "prog", path: []string{in("loop"), in(strings.Repeat("n", 300)), two}, wants: "two"},
			{name: "prog", path: []string{one + "/", two}, wants: "one"},
			{name: "prog", path: []string{dir + "/two/../one"}, wants: "one"},
			{name: "prog", path: []string{strings.Repeat("/long", 1000), two}, wants: "two"},
			{name: "prog", path: []string{here, "."}, wants: "here"}, // absolute first: the relative one is no matter
			{name: "prog", path: []string{in("garbage"), one}, cause: syscall.ENOEXEC},
			{name: "prog", path: []string{in("astray"), one}, cause: os.ErrNotExist, not: exec.ErrNotFound},
			{name: "none", path: []string{one, two}, cause: exec.ErrNotFound, not: exec.ErrDot},
			{name: "none", path: []string{}, cause: exec.ErrNotFound, not: exec.ErrDot},
			{name: strings.Repeat("n", 300), path: []string{one}, cause: exec.ErrNotFound},
		} {
			l.run(t, w, here)
		}
	})
}

// A program that is only in a relative entry, or an empty one, is not run: it depends on where one stands.
func TestParityLookupRelative(t *testing.T) {
	dir, in := lookupTree(t)
	one, here := in("one"), in("here")
	t.Chdir(here)
	everyWay(t, func(t *testing.T, w *way) {
		for _, l := range []lookup{
			{name: "local", path: []string{"."}, cause: exec.ErrDot},
			{name: "local", path: []string{"", one}, cause: exec.ErrDot},
			{name: "local", path: []string{one, ""}, cause: exec.ErrDot},
			{name: "local", path: []string{"../here", one}, cause: exec.ErrDot},
			{name: "prog", path: []string{"../one"}, cause: exec.ErrDot},
			{name: "local", path: []string{""}, cause: exec.ErrNotFound, not: exec.ErrDot}, // an empty PATH has no entries
			{name: "none", path: []string{".", "", one}, cause: exec.ErrNotFound, not: exec.ErrDot},
			{name: "only-directory", path: []string{"."}, cause: exec.ErrNotFound, not: exec.ErrDot},
			{name: "./local", path: []string{one}, wants: "here"}, // a slash: no lookup
			{name: "../one/prog", path: []string{}, wants: "one"},
			{name: dir + "/here/local", path: []string{"."}, wants: "here"},
		} {
			l.run(t, w, here)
		}
	})
}
