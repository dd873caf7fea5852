//go:build linux && cgo

package nsenter_test

import (
	"bytes"
	"context"
	"crypto/sha256"
	"errors"
	"fmt"
	"io"
	"math/rand/v2"
	"os"
	"strconv"
	"sync"
	"testing"

	"nsexec/internal/testutil"
)

// 10 MB go in and come out as they were, copied and by files alike.
func TestParityLargeData(t *testing.T) {
	data := make([]byte, 10<<20)
	_, _ = rand.NewChaCha8([32]byte{}).Read(data)
	everyWay(t, func(t *testing.T, w *way) {
		c := w.zoo("cat")
		*c.Stdin = bytes.NewReader(data)
		if out, err := c.Output(); err != nil || !bytes.Equal(out, data) {
			t.Errorf("%d bytes of %d, %v", len(out), len(data), err)
		}
		c = w.zoo("cat")
		stdin, stdout := pipe(t, c.StdinPipe), pipe(t, c.StdoutPipe)
		mustStart(t, c)
		go func() {
			_, _ = stdin.Write(data)
			stdin.Close()
		}()
		sum := sha256.New()
		if n, err := io.Copy(sum, stdout); err != nil || [32]byte(sum.Sum(nil)) != sha256.Sum256(data) {
			t.Errorf("%d bytes of %d, %v", n, len(data), err)
		}
		if err := c.Wait(); err != nil {
			t.Error(err)
		}
	})
}

// Many programs at once do not mix their streams up.
func TestParityManyAtOnce(t *testing.T) {
	everyWay(t, func(t *testing.T, w *way) {
		var running sync.WaitGroup
		for i := range 40 {
			running.Go(func() {
				text := strconv.Itoa(i)
				c := w.shell(`read line; echo "$1 $line"; echo "$1" >&2; exit $1`, text)
				var out, err bytes.Buffer
				*c.Stdin, *c.Stdout, *c.Stderr = bytes.NewReader([]byte(text+"\n")), &out, &err
				runErr := c.Run()
				if (*c.ProcessState).ExitCode() != i || out.String() != text+" "+text+"\n" || err.String() != text+"\n" {
					t.Errorf("%d: %q, %q, %v", i, &out, &err, runErr)
				}
			})
		}
		running.Wait()
	})
}

// Starts that overlap, of programs that stay and of programs that end at once: nobody inherits what another waits for.
func TestParityOverlappingStarts(t *testing.T) {
	everyWay(t, func(t *testing.T, w *way) {
		ctx, cancel := context.WithCancel(t.Context())
		defer cancel()
		var staying, ending sync.WaitGroup
		for range 4 {
			staying.Go(func() {
				c := w.zooContext(ctx, "cat")
				stdin, err := c.StdinPipe()
				if err != nil {
					t.Error(err)
					return
				}
				*c.Cancel = stdin.Close
				if err := c.Run(); !errors.Is(err, context.Canceled) {
					t.Error(err)
				}
			})
			ending.Go(func() {
				if err := w.commandContext(ctx, "/bin/true").Run(); err != nil {
					t.Error(err)
				}
			})
		}
		inTime(t, "a program that ends at once", ending.Wait)
		cancel()
		inTime(t, "a program whose stdin is closed", staying.Wait)
	})
}

// Nothing stays behind: no file, no child, no thread in other namespaces.
func TestParityNothingLeft(t *testing.T) {
	everyWay(t, func(t *testing.T, w *way) {
		testutil.Baseline(t, func() { _ = w.command("/bin/true").Run() })
		for i := range 20 {
			c := w.shell(`cat; exit $1`, strconv.Itoa(i%3))
			*c.Stdin = bytes.NewReader([]byte("text"))
			out, err := c.Output()
			if string(out) != "text" || (err == nil) != (i%3 == 0) {
				t.Errorf("%q, %v", out, err)
			}
		}
	})
}

// A program that was waited for is not even a zombie.
func TestParityReaped(t *testing.T) {
	everyWay(t, func(t *testing.T, w *way) {
		for range 10 {
			c := w.command("/bin/false")
			wantExit(t, c.Run(), 1)
			if _, err := os.Stat(fmt.Sprintf("/proc/%d", (*c.Process).Pid)); err == nil {
				t.Error("it is still there")
			}
		}
	})
}
