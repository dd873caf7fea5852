package testutil

import (
	"testing"
	"time"
)

// settle is how long a kernel, or another process, may take to finish what it was asked to do.
const settle = 2 * time.Second

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
