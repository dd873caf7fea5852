//go:build linux && cgo

package nsenter_test

import (
	"errors"
	"fmt"
	"os"
	"path/filepath"
	"strings"
	"syscall"
	"testing"
)

func init() {
	addParityZoo(map[string]func([]string) error{
		"args": func(arg []string) error {
			fmt.Printf("%q", append([]string{os.Args[0]}, arg...))
			return nil
		},
	})
}

// wantArgs runs the command and asserts what its program sees as os.Args, less the name in the zoo.
func wantArgs(t *testing.T, c *command, want ...string) {
	t.Helper()
	wantOutput(t, c, fmt.Sprintf("%q", want))
}

func TestParityArgs(t *testing.T) {
	everyWay(t, func(t *testing.T, w *way) {
		for _, arg := range [][]string{
			nil,
			{""},
			{"a b", "c"},
			{"", "between", "", ""},
			{"$HOME", "*", "'", "\"", "\\", "new\nline", "\xff not UTF-8"},
			{"-flag", "--", "-"},
			{strings.Repeat("long", 30000)},
		} {
			wantArgs(t, w.zoo("args", arg...), append([]string{zooBinary}, arg...)...)
		}
	})
}

func TestParityArgsZero(t *testing.T) {
	everyWay(t, func(t *testing.T, w *way) {
		c := w.zoo("args", "x")
		(*c.Args)[0] = "another name"
		wantArgs(t, c, "another name", "x")
		c = w.zoo("args", "x")
		(*c.Args)[0] = ""
		wantArgs(t, c, "", "x")
	})
}

// A command that no constructor made: a path is enough, Args are then the path alone.
func TestParityLiteral(t *testing.T) {
	everyWay(t, func(t *testing.T, w *way) {
		script := writeFile(t, filepath.Join(openDir(t), "script"), "#!/bin/sh\necho $# $0\n", 0o755)
		for _, args := range [][]string{nil, {}} {
			c := w.empty()
			*c.Path, *c.Args = script, args
			wantOutput(t, c, "0 "+script+"\n")
		}
	})
}

// What counts when the program starts is Path, whatever the constructor was given.
func TestParityPathSetAfterwards(t *testing.T) {
	everyWay(t, func(t *testing.T, w *way) {
		c := w.command("/bin/false")
		*c.Path, *c.Args = "/bin/sh", []string{"false", "-c", "echo it is $0"}
		wantOutput(t, c, "it is false\n")
	})
}

// A relative path with a slash is relative to Dir.
func TestParityRelativePath(t *testing.T) {
	dir := openDir(t)
	writeFile(t, filepath.Join(dir, "sub", "script"), "#!/bin/sh\necho found\n", 0o755)
	everyWay(t, func(t *testing.T, w *way) {
		for _, test := range []struct{ path, dir string }{
			{"sub/script", dir},
			{"./sub/script", dir},
			{"./script", dir + "/sub"},
			{"../sub/script", dir + "/sub/"},
		} {
			c := w.command(test.path)
			*c.Dir = test.dir
			wantOutput(t, c, "found\n")
		}
		c := w.command("sub/script")
		*c.Dir = dir + "/sub"
		if err := c.Run(); !errors.Is(err, os.ErrNotExist) {
			t.Errorf("error is %v, want one that says it does not exist", err)
		}
	})
}

// Without a mount namespace, an empty Dir is the caller's directory, and a relative Dir starts from it.
func TestParityCallersDir(t *testing.T) {
	dir := openDir(t)
	writeFile(t, filepath.Join(dir, "sub", "script"), "#!/bin/sh\npwd -P\n", 0o755)
	t.Chdir(dir)
	for _, w := range []*way{throughExec, throughNsenter} {
		wantOutput(t, w.command("./sub/script"), dir+"\n")
		for _, sub := range []string{"sub", "./sub/.", dir + "/sub"} {
			c := w.command("./script")
			*c.Dir = sub
			wantOutput(t, c, dir+"/sub\n")
		}
	}
}

func TestParityArgsTooLong(t *testing.T) {
	everyWay(t, func(t *testing.T, w *way) {
		for _, args := range [][]string{
			{strings.Repeat("x", 1<<20)}, // one string: 128 KiB is the most
			strings.Split(strings.Repeat("x,", 100)+strings.Repeat("y", 127<<10), ","),
		} {
			c := w.command("/bin/true", args...)
			err := c.Run()
			if tooLong := len(args) == 1; errors.Is(err, syscall.E2BIG) != tooLong || !tooLong && err != nil {
				t.Errorf("%d arguments: error is %v, want E2BIG: %v", len(args), err, tooLong)
			}
		}
		c := w.command("/bin/true")
		for range 120 {
			*c.Args = append(*c.Args, strings.Repeat("z", 100<<10)) // 12 MB in all
		}
		if err := c.Run(); !errors.Is(err, syscall.E2BIG) {
			t.Errorf("12 MB of arguments: error is %v, want E2BIG", err)
		}
	})
}

func TestParityNULInArgument(t *testing.T) {
	everyWay(t, func(t *testing.T, w *way) {
		withDir := w.command("/bin/true")
		*withDir.Dir, *withDir.Env = "/\x00", []string{}
		for name, c := range map[string]*command{
			"path":      w.command("/bin/tr\x00ue"),
			"argument":  w.command("/bin/true", "a\x00b"),
			"directory": withDir,
		} {
			if err := c.Run(); !errors.Is(err, syscall.EINVAL) {
				t.Errorf("NUL in %s: error is %v, want EINVAL", name, err)
			}
		}
	})
}

func TestParityString(t *testing.T) {
	for _, w := range []*way{throughExec, throughNsenter} {
		for _, test := range []struct {
			arg  []string
			want string
		}{
			{[]string{"/bin/echo"}, "/bin/echo"},
			{[]string{"/bin/echo", "a", "b c", ""}, "/bin/echo a b c "},
			{[]string{"no-such-program", "-flag"}, "no-such-program -flag"},
		} {
			if got := w.command(test.arg[0], test.arg[1:]...).String(); got != test.want {
				t.Errorf("%q: String is %q, want %q", test.arg, got, test.want)
			}
		}
	}
}

// String may be called while the program runs.
func TestParityStringRaces(t *testing.T) {
	everyWay(t, func(t *testing.T, w *way) {
		c := w.command("/bin/true")
		done := make(chan error)
		go func() { done <- c.Run() }()
		for range 100 {
			_ = c.String()
		}
		if err := <-done; err != nil {
			t.Error(err)
		}
	})
}
