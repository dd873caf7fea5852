//go:build linux && cgo

package nsenter_test

import (
	"fmt"
	"math/rand/v2"
	"os"
	"strconv"
	"testing"
	"time"

	"golang.org/x/sys/unix"

	"nsexec/ns"
	"nsexec/nsenter"
)

func init() {
	// clones makes clones below a target, again and again.
	zoo["clones"] = func(arg []string) error {
		if err := noteRun(os.Getenv(runsVariable)); err != nil {
			return err
		}
		pid, err := strconv.Atoi(arg[0])
		if err != nil {
			return err
		}
		flags := uintptr(unix.CLONE_NEWUTS | unix.CLONE_NEWPID)
		if os.Geteuid() != 0 {
			flags |= unix.CLONE_NEWUSER
		}
		for {
			if _, err := os.Stdout.WriteString("b"); err != nil {
				return err
			}
			if _, err := nsenter.Clone(pid, ns.All, awaitEndFunc, flags); err != nil {
				return fmt.Errorf("clone: %w", err)
			}
		}
	}
}

// The payload waits for its caller's GO, and a function's context ends with its caller: nothing is left of a clone
// whose caller dies in the middle, or later.
func TestCallerKilledDuringClone(t *testing.T) {
	if !alone(t) {
		return
	}
	n := 60
	if testing.Short() {
		n = 15
	}
	killCallers(t, "clones", n, func() time.Duration { return rand.N(12 * time.Millisecond) })
}
