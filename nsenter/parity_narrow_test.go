//go:build linux && cgo

package nsenter_test

import (
	"io"
	"strings"
	"sync"
	"testing"

	"golang.org/x/sys/unix"
)

// Pipes of one page are what the kernel gives to a user who has many (pipe-user-pages-soft, pipe(7)). Start waits for nobody
// who reads or writes them, and the end of a program is not lost behind 1 MiB of what it says.
func TestParityPipesOfOnePage(t *testing.T) {
	everyWay(t, func(t *testing.T, w *way) {
		c := w.shell("cat >&2; exit 3")
		stdin, stderr := pipe(t, c.StdinPipe), pipe(t, c.StderrPipe)
		shrink(t, stdin)
		shrink(t, stderr)
		mustStart(t, c)
		text := strings.Repeat("0123456789abcde\n", 1<<16)
		var writing sync.WaitGroup
		writing.Go(func() {
			_, _ = io.WriteString(stdin, text)
			_ = stdin.Close()
		})
		got, err := io.ReadAll(stderr)
		if err != nil || string(got) != text {
			t.Errorf("%d bytes of %d have come, or others (%v)", len(got), len(text), err)
		}
		writing.Wait()
		wantExit(t, c.Wait(), 3)
	})
}

// shrink makes a pipe as small as there are.
func shrink(t *testing.T, pipe any) {
	t.Helper()
	fd := pipe.(interface{ Fd() uintptr }).Fd()
	if size, err := unix.FcntlInt(fd, unix.F_SETPIPE_SZ, 1); err != nil || size != unix.Getpagesize() {
		t.Fatalf("the pipe has %d bytes (%v)", size, err)
	}
}
