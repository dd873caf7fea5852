//go:build linux && cgo

package nsenter_test

import (
	"os"
	"os/exec"
	"strings"
	"testing"
)

// aloneVariable names the test that a process was started for.
const aloneVariable = "NSENTER_TEST_ALONE"

// alone is for tests that do to their process what other tests could not bear. It runs the calling test once more
// in a process of its own, where it returns true; here it reports how that went, and returns false.
func alone(t *testing.T, env ...string) bool {
	t.Helper()
	if os.Getenv(aloneVariable) == t.Name() {
		return true
	}
	pattern := "^" + strings.ReplaceAll(t.Name(), "/", "$/^") + "$"
	cmd := exec.Command("/proc/self/exe", "-test.run="+pattern, "-test.v", "-test.timeout=60s")
	cmd.Env = append(append(os.Environ(), aloneVariable+"="+t.Name()), env...)
	out, err := cmd.CombinedOutput()
	if err != nil {
		t.Errorf("in a process of its own: %v\n%s", err, out)
	}
	if strings.Contains(string(out), "--- SKIP: "+t.Name()) {
		t.Logf("skipped in a process of its own:\n%s", out)
	}
	return false
}
