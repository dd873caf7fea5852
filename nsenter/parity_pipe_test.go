//go:build linux && cgo

package nsenter_test

import (
	"bufio"
	"bytes"
	"errors"
	"fmt"
	"io"
	"os"
	"strings"
	"sync"
	"testing"

	"nsexec/internal/testutil"
)

func init() {
	addParityZoo(map[string]func([]string) error{
		"sort lines": sortLines,
		"expect": func(arg []string) error {
			got, err := io.ReadAll(os.Stdin)
			if err == nil && string(got) != arg[0] {
				err = fmt.Errorf("stdin is %q", got)
			}
			return err
		},
	})
}

// sortLines writes lines that begin with "out" to stdout, with "err" to stderr, until there are no more.
func sortLines([]string) error {
	lines := bufio.NewScanner(os.Stdin)
	for lines.Scan() {
		line := lines.Text()
		switch {
		case strings.HasPrefix(line, "out"):
			fmt.Fprintln(os.Stdout, line)
		case strings.HasPrefix(line, "err"):
			fmt.Fprintln(os.Stderr, line)
		default:
			return errors.New("neither out nor err: " + line)
		}
	}
	return lines.Err()
}

func TestParityPipes(t *testing.T) {
	everyWay(t, func(t *testing.T, w *way) {
		c := w.zoo("sort lines")
		stdin := pipe(t, c.StdinPipe)
		from := map[string]*bufio.Reader{
			"out": bufio.NewReader(pipe(t, c.StdoutPipe)),
			"err": bufio.NewReader(pipe(t, c.StderrPipe)),
		}
		mustStart(t, c)
		for _, line := range []string{"out one\n", "err two\n", "out three\n"} {
			if _, err := io.WriteString(stdin, line); err != nil {
				t.Fatal(err)
			}
			if got, err := from[line[:3]].ReadString('\n'); got != line {
				t.Fatalf("got %q, %v, want %q", got, err, line)
			}
		}
		if err := stdin.Close(); err != nil {
			t.Error(err)
		}
		if err := c.Wait(); err != nil {
			t.Error(err)
		}
	})
}

// The pipes are files, with what files can do.
func TestParityPipesAreFiles(t *testing.T) {
	for _, w := range []*way{throughExec, throughNsenter} {
		c := w.command("/bin/true")
		for _, p := range []any{pipe(t, c.StdinPipe), pipe(t, c.StdoutPipe), pipe(t, c.StderrPipe)} {
			if _, ok := p.(interface{ Fd() uintptr }); !ok {
				t.Errorf("%T has no Fd", p)
			}
		}
		if err := c.Run(); err != nil {
			t.Error(err)
		}
	}
}

// Wait closes the pipes: nobody can write into the past.
func TestParityWaitClosesPipes(t *testing.T) {
	everyWay(t, func(t *testing.T, w *way) {
		c := w.command("/bin/true")
		stdin, stdout := pipe(t, c.StdinPipe), pipe(t, c.StdoutPipe)
		if err := c.Run(); err != nil {
			t.Fatal(err)
		}
		if _, err := stdin.Write([]byte("x")); !errors.Is(err, os.ErrClosed) {
			t.Errorf("writing to stdin: %v", err)
		}
		if _, err := stdout.Read(make([]byte, 1)); !errors.Is(err, os.ErrClosed) {
			t.Errorf("reading from stdout: %v", err)
		}
	})
}

// The program sees the end of stdin when the caller closes it, which may happen while Wait waits.
func TestParityCloseStdinDuringWait(t *testing.T) {
	everyWay(t, func(t *testing.T, w *way) {
		for range 5 {
			c := w.zoo("expect", "all of it")
			stdin := pipe(t, c.StdinPipe)
			mustStart(t, c)
			var writing sync.WaitGroup
			writing.Go(func() {
				_, _ = io.Copy(stdin, strings.NewReader("all of it"))
				if err := stdin.Close(); err != nil && !errors.Is(err, os.ErrClosed) {
					t.Errorf("close: %v", err)
				}
			})
			if err := c.Wait(); err != nil {
				t.Errorf("wait: %v", err)
			}
			writing.Wait()
		}
	})
}

// Kill, writing, closing and waiting may all happen at once; the race detector watches.
func TestParityStdinRaces(t *testing.T) {
	everyWay(t, func(t *testing.T, w *way) {
		for range 5 {
			c := w.zoo("expect", "something else")
			stdin := pipe(t, c.StdinPipe)
			mustStart(t, c)
			var racing sync.WaitGroup
			racing.Go(func() { _ = (*c.Process).Kill() }) // it may have exited
			racing.Go(func() {
				_, _ = io.WriteString(stdin, "unexpected")
				if err := stdin.Close(); err != nil && !errors.Is(err, os.ErrClosed) {
					t.Errorf("close: %v", err)
				}
			})
			if err := c.Wait(); err == nil {
				t.Error("it succeeded")
			}
			racing.Wait()
		}
	})
}

// A program that ends while it is still being written to is no error of its caller.
func TestParityWriteToExitingProgram(t *testing.T) {
	everyWay(t, func(t *testing.T, w *way) {
		c := w.command("/bin/true")
		stdin := pipe(t, c.StdinPipe)
		mustStart(t, c)
		var writing sync.WaitGroup
		writing.Go(func() { fmt.Fprintln(stdin, "perhaps nobody reads it") })
		if err := c.Wait(); err != nil {
			t.Error(err)
		}
		writing.Wait()
	})
}

func TestParityUnreadInput(t *testing.T) {
	everyWay(t, func(t *testing.T, w *way) {
		for name, r := range map[string]io.Reader{
			"10 MB":   bytes.NewReader(make([]byte, 10<<20)),
			"endless": io.MultiReader(endless{}),
		} {
			c := w.command("/bin/echo", "done")
			*c.Stdin = r
			out, err := c.Output()
			if err != nil || string(out) != "done\n" {
				t.Errorf("%s: %q, %v", name, out, err)
			}
		}
	})
}

type endless struct{}

func (endless) Read(p []byte) (int, error) { return len(p), nil }

// A Start that fails closes the pipes, each time.
func TestParityFailedStartLeaksNothing(t *testing.T) {
	everyWay(t, func(t *testing.T, w *way) {
		testutil.Baseline(t, func() { _ = w.command("/bin/true").Run() })
		for _, name := range []string{"no-such-program", "/no/such/program", "/"} {
			for range 6 {
				c := w.command(name)
				stdin, stdout, _ := pipe(t, c.StdinPipe), pipe(t, c.StdoutPipe), pipe(t, c.StderrPipe)
				if err := c.Run(); err == nil {
					t.Fatalf("%s runs", name)
				}
				_, writeErr := stdin.Write([]byte("x"))
				_, readErr := stdout.Read(make([]byte, 1))
				if !errors.Is(writeErr, os.ErrClosed) || !errors.Is(readErr, os.ErrClosed) {
					t.Errorf("%s: pipes are open: %v, %v", name, writeErr, readErr)
				}
			}
		}
	})
}
