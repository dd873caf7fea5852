//go:build linux && cgo

package nsenter_test

import (
	"context"
	"errors"
	"math/rand/v2"
	"os/exec"
	"syscall"
	"testing"
	"time"

	"nsexec/internal/testutil"
	"nsexec/ns"
	"nsexec/nsenter"
)

// A context that is done at any time leaves nothing alive, and does no harm to a launcher nor to its other payloads.
// Start reports it; from Wait on, what it did to the payload is reported first, as in os/exec.
func TestRandomCancels(t *testing.T) {
	testutil.Baseline(t, func() { manyThreads(100); manyCallers(t, 1) })
	target := testutil.Target(t, testutil.AllTypes)
	set := setOf(t, target.PID, ns.All)
	t.Run("one-shot", func(t *testing.T) {
		atOnce(times(300, 2000), func(int) { runCancelled(t, nsenter.CommandContext, set, 8*time.Millisecond) })
	})
	t.Run("launcher", func(t *testing.T) {
		l := newLauncher(t)
		pid := l.PID()
		atOnce(times(600, 4000), func(i int) {
			if i%2 == 0 {
				runs(t, l, set)
			} else {
				runCancelled(t, l.CommandContext, set, 4*time.Millisecond)
			}
		})
		if l.PID() != pid {
			t.Errorf("the launcher was %d, and is %d", pid, l.PID())
		}
	})
	for _, pid := range childrenOf(target.PID) {
		t.Errorf("process %d has moved in with the target", pid)
	}
}

func runCancelled(t *testing.T, command func(context.Context, *ns.Set, string, ...string) *nsenter.Cmd, set *ns.Set, within time.Duration) {
	t.Helper()
	ctx, cancel := context.WithTimeout(t.Context(), rand.N(within))
	defer cancel()
	var exit *exec.ExitError
	err := command(ctx, set, "/bin/sleep", "1000").Run()
	if !errors.Is(err, context.DeadlineExceeded) && !errors.As(err, &exit) {
		t.Errorf("cancelled: %v", err)
	} else if exit != nil && exit.Sys().(syscall.WaitStatus).Signal() != syscall.SIGKILL {
		t.Errorf("cancelled: %v", exit)
	}
}
