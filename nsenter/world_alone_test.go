//go:build linux && cgo

package nsenter_test

import (
	"fmt"
	"os"
	"os/exec"
	"regexp"
	"strings"
	"testing"
	"time"

	"nsexec/internal/testutil"
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
	reportAlone(t, exec.Command(zooBinary, aloneArgs(t)...), env...)
	return false
}

// aloneIn runs the calling test once more in a process of its own, by way of a command that makes it special.
func aloneIn(t *testing.T, command []string, files ...*os.File) {
	t.Helper()
	command = append(append(command, zooBinary), aloneArgs(t)...)
	cmd := exec.Command(command[0], command[1:]...)
	cmd.ExtraFiles = files
	reportAlone(t, cmd)
}

// aloneArgs are the arguments with which the test binary runs the calling test only.
func aloneArgs(t *testing.T) []string {
	pattern := "^" + strings.ReplaceAll(regexp.QuoteMeta(t.Name()), "/", "$/^") + "$"
	timeout := testutil.Bound(time.Minute)
	if soaking() {
		timeout = 10 * time.Minute
	}
	return []string{"-test.run=" + pattern, "-test.v", fmt.Sprint("-test.timeout=", timeout), fmt.Sprintf("-test.short=%v", testing.Short())}
}

// reportAlone runs the calling test in the process that cmd is.
func reportAlone(t *testing.T, cmd *exec.Cmd, env ...string) {
	t.Helper()
	cmd.Env = append(append(os.Environ(), aloneVariable+"="+t.Name()), env...)
	out, err := cmd.CombinedOutput()
	if err != nil {
		t.Errorf("in a process of its own: %v\n%s", err, out)
	}
	if !strings.Contains(string(out), "=== RUN   "+t.Name()+"\n") { // a pattern that matches nothing passes
		t.Errorf("it did not run in a process of its own:\n%s", out)
	}
	if strings.Contains(string(out), "--- SKIP: "+t.Name()) {
		t.Logf("skipped in a process of its own:\n%s", out)
	}
}
