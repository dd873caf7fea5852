package testutil

import (
	"fmt"
	"os"
	"strings"
	"testing"
)

// mustWork is the variable that turns a skip into a failure: in CI a skip that nobody expected is a test that rots.
const mustWork = "NSEXEC_MUST_WORK"

// Skip skips the test for a reason. With NSEXEC_MUST_WORK=1 it fails the test instead, unless
// the reason begins with one that expected lists for the identity that runs.
func Skip(t testing.TB, reason string) {
	t.Helper()
	if os.Getenv(mustWork) == "1" && !isExpected(Who(), reason) {
		t.Fatalf("skip as %s is not expected here: %s", Who(), reason)
	}
	t.Skip(reason)
}

// Skipf is Skip with a formatted reason.
func Skipf(t testing.TB, format string, args ...any) {
	t.Helper()
	Skip(t, fmt.Sprintf(format, args...))
}

func isExpected(who Identity, reason string) bool {
	for _, prefix := range expected[who] {
		if strings.HasPrefix(reason, prefix) {
			return true
		}
	}
	return false
}
