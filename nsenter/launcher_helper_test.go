//go:build linux && cgo

package nsenter_test

import (
	"errors"
	"sync"
	"testing"
	"time"

	"golang.org/x/sys/unix"

	"nsexec/internal/testutil"
	"nsexec/ns"
)

// A helper of stage 0 speaks as stage 0, and may do so before the launcher has told which process that is. It must not
// be taken for it: who is would never be reaped, and newuidmap be run for nobody.
func TestLauncherTellsHelpersFromStage0(t *testing.T) {
	testutil.Baseline(t, func() { manyThreads(100); manyCallers(t, 1) })
	l := newLauncher(t)
	var callers sync.WaitGroup
	for range 16 {
		callers.Go(func() {
			for range 8 {
				cmd := createdBy(l.Command, ns.Time)
				cmd.New.Monotonic = -100 * 365 * 24 * time.Hour // refused to the helper
				if err := cmd.Run(); !errors.Is(err, unix.ERANGE) {
					t.Errorf("error is %v", err)
				}
			}
		})
	}
	callers.Wait()
}
