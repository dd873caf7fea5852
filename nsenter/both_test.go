//go:build linux && cgo

package nsenter_test

import (
	"os"
	"sync"
	"sync/atomic"
	"testing"

	"nsexec/ns"
	"nsexec/nsenter"
)

// A starter is nsenter.Command, or a launcher's.
type starter func(set *ns.Set, name string, arg ...string) *nsenter.Cmd

// bothWays runs a test for payloads that are started one by one, and for those of a launcher.
func bothWays(t *testing.T, test func(t *testing.T, command starter)) {
	t.Helper()
	t.Run("one-shot", func(t *testing.T) { test(t, nsenter.Command) })
	t.Run("launcher", func(t *testing.T) { test(t, newLauncher(t).Command) })
}

// soaking makes the tests that take minutes take them: NSEXEC_SOAK=1, or make soak.
func soaking() bool { return os.Getenv("NSEXEC_SOAK") != "" }

// times is how often a test of endurance does what it does: less for make test, a tenth of that for go test -short.
func times(some, many int) int {
	switch {
	case soaking():
		return many
	case testing.Short():
		return max(some/10, 1)
	}
	return some
}

// atOnce does something n times, by a few goroutines.
func atOnce(n int, do func(i int)) {
	var workers sync.WaitGroup
	var next atomic.Int32
	for range 8 {
		workers.Go(func() {
			for i := int(next.Add(1)) - 1; i < n; i = int(next.Add(1)) - 1 {
				do(i)
			}
		})
	}
	workers.Wait()
}
