//go:build linux && cgo

package nsenter_test

import (
	"fmt"
	"os"
	"path/filepath"
	"slices"
	"strings"
	"syscall"
	"testing"
)

func init() {
	addParityZoo(map[string]func([]string) error{
		"environ": func([]string) error {
			env, err := os.ReadFile("/proc/self/environ") // os.Environ leaves out what is odd
			fmt.Printf("%q", strings.FieldsFunc(string(env), func(r rune) bool { return r == 0 }))
			if err == nil {
				syscall.Exit(0) // at once: GORACE is not in every environment here
			}
			return err
		},
		"getwd": func([]string) error {
			dir, err := os.Getwd()
			fmt.Print(dir)
			return err
		},
	})
}

// wantEnviron asserts what Environ says and what the program gets.
func wantEnviron(t *testing.T, c *command, want []string) {
	t.Helper()
	if got := c.Environ(); !slices.Equal(got, want) {
		t.Errorf("Environ is %q, want %q", got, want)
	}
	wantOutput(t, c, fmt.Sprintf("%q", want))
}

func TestParityEnv(t *testing.T) {
	everyWay(t, func(t *testing.T, w *way) {
		for _, test := range []struct{ env, want []string }{
			{[]string{}, []string{}},
			{[]string{"A=1", "B="}, []string{"A=1", "B="}},
			{[]string{"A=1", "B=2", "A=3"}, []string{"B=2", "A=3"}}, // the last one counts, in its place
			{[]string{"A=1", "a=2", "A=3"}, []string{"a=2", "A=3"}}, // case matters
			{[]string{"A=1", "A=1", "A=1"}, []string{"A=1"}},
			{[]string{"A=x=y", "A=x"}, []string{"A=x"}},
			{[]string{"=a", "=b", "no", "value"}, []string{"=b", "no", "value"}},
			{[]string{"twice", "twice"}, []string{"twice", "twice"}}, // no key, no duplicate
			{[]string{"=C:=1", "=D:=2", "=D:=3"}, []string{"=C:=1", "=D:=3"}},
			{[]string{"", "A=1", ""}, []string{"A=1"}},
			{[]string{"\xff=\xfe", "LANG=\u20ac"}, []string{"\xff=\xfe", "LANG=\u20ac"}},
		} {
			c := w.zoo("environ")
			*c.Env = test.env
			wantEnviron(t, c, test.want)
		}
	})
}

// A nil Env is the caller's, as it is when the program starts.
func TestParityInheritedEnv(t *testing.T) {
	everyWay(t, func(t *testing.T, w *way) {
		c := w.zoo("environ")
		t.Setenv("NSENTER_PARITY", "set after Command")
		if !slices.Contains(c.Environ(), "NSENTER_PARITY=set after Command") {
			t.Errorf("Environ is %q", c.Environ())
		}
		wantOutput(t, c, fmt.Sprintf("%q", c.Environ()))
		c = w.zoo("environ")
		*c.Env = append(c.Environ(), "NSENTER_PARITY=bad", "NSENTER_PARITY=good")
		out, err := c.Output()
		if err != nil || strings.Count(string(out), "NSENTER_PARITY=") != 1 || !strings.Contains(string(out), "NSENTER_PARITY=good") {
			t.Errorf("got %s, %v", out, err)
		}
	})
}

// A NUL would cut an entry short: it is an error to start with one, and Environ leaves it out.
func TestParityNULInEnv(t *testing.T) {
	everyWay(t, func(t *testing.T, w *way) {
		c := w.zoo("environ")
		*c.Env = []string{"A=a\x00B=b", "C=c", "D\x00D=d"}
		if got := c.Environ(); !slices.Equal(got, []string{"C=c"}) {
			t.Errorf("Environ is %q", got)
		}
		if out, err := c.Output(); err == nil || len(out) > 0 {
			t.Errorf("got %s, %v", out, err)
		}
	})
}

func pwdOf(env []string) (pwd []string) {
	for _, kv := range env {
		if dir, ok := strings.CutPrefix(kv, "PWD="); ok {
			pwd = append(pwd, dir)
		}
	}
	return pwd
}

// With a nil Env, Dir makes a PWD that fits it.
func TestParityImplicitPWD(t *testing.T) {
	dir := openDir(t)
	t.Chdir(dir) // sets PWD
	everyWay(t, func(t *testing.T, w *way) {
		for _, test := range []struct{ dir, want string }{
			{dir, dir},
			{dir + "/..", filepath.Dir(dir)},
			{dir + "/./", dir},
			{"/", "/"},
		} {
			wantPWD(t, w, test.dir, test.want)
		}
		if w.joins() {
			return // relative to what: see the differences
		}
		wantPWD(t, w, "", dir)
		wantPWD(t, w, ".", dir)
		wantPWD(t, w, "..", filepath.Dir(dir))
	})
}

func wantPWD(t *testing.T, w *way, dir, want string) {
	t.Helper()
	c := w.zoo("getwd")
	*c.Dir = dir
	if got := pwdOf(c.Environ()); !slices.Equal(got, []string{want}) {
		t.Errorf("Dir %q: PWD is %q, want %q", dir, got, want)
	}
	wantOutput(t, c, want)
}

func TestParityNoPWD(t *testing.T) {
	t.Setenv("PWD", "") // so that it is put back
	if err := os.Unsetenv("PWD"); err != nil {
		t.Fatal(err)
	}
	for _, w := range []*way{throughExec, throughNsenter} {
		if got := pwdOf(w.zoo("getwd").Environ()); got != nil {
			t.Errorf("PWD is %q without Dir and without PWD", got)
		}
	}
}

// An Env that says PWD is right, whatever Dir is.
func TestParityExplicitPWD(t *testing.T) {
	everyWay(t, func(t *testing.T, w *way) {
		top := openDir(t)
		dir, link := filepath.Join(top, "dir"), filepath.Join(top, "link")
		if err := os.Mkdir(dir, 0o755); err != nil {
			t.Fatal(err)
		}
		if err := os.Symlink(dir, link); err != nil {
			t.Fatal(err)
		}
		tests := []struct{ dir, pwd string }{{dir, dir}, {dir, link}, {link, dir}, {link, link}}
		if !w.joins() {
			t.Chdir(dir)
			tests = append(tests, tests[0], tests[1])
			tests[4].dir, tests[5].dir = "", ""
		}
		for _, test := range tests {
			c := w.zoo("getwd")
			*c.Dir = test.dir
			*c.Env = append(c.Environ(), "PWD="+test.pwd)
			if got := pwdOf(c.Environ()); !slices.Equal(got, []string{test.pwd}) {
				t.Errorf("PWD is %q, want %q", got, test.pwd)
			}
			wantOutput(t, c, test.pwd)
		}
	})
}
