package testutil

import (
	"fmt"
	"os"
	"slices"
	"strings"
	"testing"

	"nsexec/internal/kernel"
)

// mustWork is the variable that turns a skip into a failure: in CI a skip that nobody expected is a test that rots.
const mustWork = "NSEXEC_MUST_WORK"

// Skip skips the test for a reason. With NSEXEC_MUST_WORK=1 it fails the test instead, unless
// the reason begins with one that expected lists for the identity that runs, and its condition holds.
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
	for _, e := range expected[who] {
		if rest, ok := strings.CutPrefix(reason, e.reason); ok && (e.when == nil || e.when(rest)) {
			return true
		}
	}
	return false
}

// NeedFeature skips the test where the kernel lacks a feature. One that should have it, by the version recorded with
// the probe, fails the test where everything must work.
func NeedFeature(t testing.TB, p *kernel.Probe) {
	t.Helper()
	if !p.Has() {
		NeedKernel(t, p.Since, p.Name)
	}
}

// NeedKernel skips the test for what came with a later version of Linux than the one that runs.
func NeedKernel(t testing.TB, version, what string) {
	t.Helper()
	Skipf(t, "%s%s: %s", reasonKernel, version, what)
}

// shimmed is the variable in which test/shim names the system call that it hides.
const shimmed = "NSEXEC_SHIM"

// PIDFDCalls are those that Go's os wants before it uses pidfds at all: without one, an os.Process is a bare pid.
var PIDFDCalls = []string{"pidfd_open", "pidfd_send_signal", "waitid:P_PIDFD", "clone:CLONE_PIDFD"}

// Hidden tells whether test/shim hides one of these calls, by its names for them.
func Hidden(calls ...string) bool { return slices.Contains(calls, os.Getenv(shimmed)) }

// Needs skips the test where one of these calls is hidden: for what the kernel does in no other way. Elsewhere they are
// there: no supported kernel lacks them.
func Needs(t testing.TB, calls ...string) {
	t.Helper()
	if Hidden(calls...) {
		t.Skip("needs " + os.Getenv(shimmed) + ", which is hidden")
	}
}
