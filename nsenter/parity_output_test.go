//go:build linux && cgo

package nsenter_test

import (
	"bytes"
	"errors"
	"fmt"
	"os"
	"os/exec"
	"strconv"
	"strings"
	"testing"
)

func init() {
	addParityZoo(map[string]func([]string) error{
		"complain": complain,
	})
}

// complain writes numbered lines of ten bytes to stderr, as many bytes as it is told, and fails.
func complain(arg []string) error {
	n, err := strconv.Atoi(arg[0])
	if err != nil {
		return err
	}
	fmt.Print("a result")
	fmt.Fprint(os.Stderr, complaint(n))
	os.Exit(1)
	return nil
}

func complaint(n int) string {
	var b strings.Builder
	for i := 0; b.Len() < n; i++ {
		fmt.Fprintf(&b, "%09d\n", i)
	}
	return b.String()[:n]
}

// Output gives what came on stdout although the program failed; its ExitError holds the stderr, without the middle of a long one.
func TestParityOutput(t *testing.T) {
	const kept = 32 << 10 // of the beginning, and of the end
	everyWay(t, func(t *testing.T, w *way) {
		for _, size := range []int{0, kept + 1, 2 * kept, 2*kept + 1, 10 * kept} {
			out, err := w.zoo("complain", strconv.Itoa(size)).Output()
			wantExit(t, err, 1)
			if string(out) != "a result" {
				t.Errorf("output is %q", out)
			}
			want := complaint(size)
			if size > 2*kept {
				want = want[:kept] + fmt.Sprintf("\n... omitting %d bytes ...\n", size-2*kept) + want[size-kept:]
			}
			var exit *exec.ExitError
			if errors.As(err, &exit) && string(exit.Stderr) != want {
				t.Errorf("%d bytes of stderr: kept %d, want %d", size, len(exit.Stderr), len(want))
			}
		}
	})
}

// Where the caller takes stderr, Output leaves it alone; and a success keeps none.
func TestParityOutputWithStderr(t *testing.T) {
	everyWay(t, func(t *testing.T, w *way) {
		var stderr bytes.Buffer
		c := w.zoo("complain", "20")
		*c.Stderr = &stderr
		_, err := c.Output()
		var exit *exec.ExitError
		if !errors.As(err, &exit) || exit.Stderr != nil || stderr.Len() != 20 {
			t.Errorf("%v, kept %q, written %q", err, exit.Stderr, &stderr)
		}
		if out, err := w.shell(`echo out; echo err >&2`).Output(); string(out) != "out\n" || err != nil {
			t.Errorf("%q, %v", out, err)
		}
	})
}

// A program whose stderr was taken by a pipe keeps nothing of it either.
func TestParityOutputWithStderrPipe(t *testing.T) {
	everyWay(t, func(t *testing.T, w *way) {
		c := w.zoo("complain", "20")
		pipe(t, c.StderrPipe)
		_, err := c.Output()
		wantExit(t, err, 1)
		if exit := (*exec.ExitError)(nil); errors.As(err, &exit) && exit.Stderr != nil {
			t.Errorf("kept %q", exit.Stderr)
		}
	})
}

func TestParityCombinedOutput(t *testing.T) {
	everyWay(t, func(t *testing.T, w *way) {
		out, err := w.shell(`echo one; echo two >&2; echo three; exit 5`).CombinedOutput()
		wantExit(t, err, 5)
		if string(out) != "one\ntwo\nthree\n" {
			t.Errorf("got %q", out)
		}
		out, err = w.shell(`cat /no/such/file "$1" 2>&1`, "/proc/self/comm").CombinedOutput()
		wantExit(t, err, 1)
		complaint, text, _ := strings.Cut(string(out), "\n")
		if !strings.Contains(complaint, "/no/such/file") || text != "cat\n" {
			t.Errorf("got %q", out)
		}
	})
}

// A writer can be given once.
func TestParityAlreadySet(t *testing.T) {
	for _, w := range []*way{throughExec, throughNsenter} {
		set := func(field func(c *command)) *command {
			c := w.command("/bin/true")
			field(c)
			return c
		}
		stdin := func(c *command) { *c.Stdin = strings.NewReader("") }
		stdout := func(c *command) { *c.Stdout = new(bytes.Buffer) }
		stderr := func(c *command) { *c.Stderr = new(bytes.Buffer) }
		for name, try := range map[string]func() (any, error){
			"Output, Stdout":         func() (any, error) { return set(stdout).Output() },
			"CombinedOutput, Stdout": func() (any, error) { return set(stdout).CombinedOutput() },
			"CombinedOutput, Stderr": func() (any, error) { return set(stderr).CombinedOutput() },
			"StdinPipe, Stdin":       func() (any, error) { return set(stdin).StdinPipe() },
			"StdoutPipe, Stdout":     func() (any, error) { return set(stdout).StdoutPipe() },
			"StderrPipe, Stderr":     func() (any, error) { return set(stderr).StderrPipe() },
		} {
			if _, err := try(); err == nil || !strings.Contains(err.Error(), "already set") {
				t.Errorf("%s already set: error is %v", name, err)
			}
		}
	}
}
