//go:build linux && cgo

package nsenter_test

import (
	"fmt"
	"os"
	"os/exec"
	"strings"
	"testing"
)

// aloneVariable names the test that a process was started for.
const aloneVariable = "NSENTER_TEST_ALONE"

// alone is for tests that do to their process what other tests could not bear. It runs the calling test once more
// in a process of its own, where it returns true; here it reports how that went, and returns false.
func alone(t *testing.T) bool {
	t.Helper()
	if os.Getenv(aloneVariable) == t.Name() {
		return true
	}
	aloneIn(t, nil)
	return false
}

// aloneIn runs the calling test once more in a process of its own, by way of a command that makes it special.
func aloneIn(t *testing.T, command []string, files ...*os.File) {
	t.Helper()
	pattern := "^" + strings.ReplaceAll(t.Name(), "/", "$/^") + "$"
	command = append(command, zooBinary, "-test.run="+pattern, "-test.v", "-test.timeout=60s",
		fmt.Sprintf("-test.short=%v", testing.Short()))
	cmd := exec.Command(command[0], command[1:]...)
	cmd.Env = append(os.Environ(), aloneVariable+"="+t.Name(), "GORACE=atexit_sleep_ms=0")
	cmd.ExtraFiles = files
	out, err := cmd.CombinedOutput()
	if err != nil {
		t.Errorf("in a process of its own: %v\n%s", err, out)
	}
	if strings.Contains(string(out), "--- SKIP: "+t.Name()) {
		t.Logf("skipped in a process of its own:\n%s", out)
	}
}
