package testutil

import (
	"os"
	"strconv"
	"testing"
	"time"
)

// settle is how long a kernel, or another process, may take to finish what it was asked to do.
var settle = Bound(2 * time.Second)

// Bound is the time that something may take which must not hang, on this machine: NSEXEC_SLOW says how many times slower it
// is than one that runs tests by itself. An emulated one is.
func Bound(d time.Duration) time.Duration {
	if slow, err := strconv.Atoi(os.Getenv("NSEXEC_SLOW")); err == nil && slow > 1 {
		return time.Duration(slow) * d
	}
	return d
}

// Eventually waits up to two seconds for a condition, and fails the test, naming what it waited for, when that does not come true.
func Eventually(t testing.TB, what string, done func() bool) {
	t.Helper()
	if !poll(done) {
		t.Fatalf("%s: not within %v", what, settle)
	}
}

func poll(done func() bool) bool {
	for deadline := time.Now().Add(settle); ; time.Sleep(5 * time.Millisecond) {
		if done() {
			return true
		}
		if time.Now().After(deadline) {
			return false
		}
	}
}
