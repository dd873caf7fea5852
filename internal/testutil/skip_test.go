package testutil

import (
	"os"
	"os/exec"
	"strings"
	"testing"

	"nsexec/internal/kernel"
)

// helper is the variable that lets a test below do on purpose, in a process of its own, what fails a test.
const helper = "NSEXEC_TEST_HELPER"

// TestMisbehave is no test of its own: runMisbehaving runs it as another process and looks at its verdict.
func TestMisbehave(t *testing.T) {
	if misbehave := misbehaviours[os.Getenv(helper)]; misbehave != nil {
		misbehave(t)
	}
}

var misbehaviours = map[string]func(*testing.T){
	"skip":     func(t *testing.T) { Skipf(t, "no %s here", "moon") },
	"expected": func(t *testing.T) { Skip(t, expected[Who()][0].reason+" for this") },
	"future":   func(t *testing.T) { NeedKernel(t, "999.9", "a feature") },
	"past":     func(t *testing.T) { NeedFeature(t, &kernel.Probe{Name: "broken", Since: "3.0", Try: no}) },
}

func no() kernel.Answer { return kernel.No }

func runMisbehaving(t *testing.T, how string, env ...string) (output string, failed bool) {
	t.Helper()
	cmd := exec.Command("/proc/self/exe", "-test.run=^TestMisbehave$", "-test.v")
	cmd.Env = append(append(os.Environ(), helper+"="+how), env...)
	out, err := cmd.CombinedOutput()
	return string(out), err != nil
}

func TestSkip(t *testing.T) {
	for _, test := range []struct {
		how, mustWork string
		fails         bool
		says          string
	}{
		{"skip", "0", false, "no moon here"},
		{"skip", "1", true, "not expected here: no moon here"},
		{"expected", "1", false, "--- SKIP"},
		{"future", "1", false, "--- SKIP"},
		{"past", "0", false, "needs Linux 3.0: broken"},
		{"past", "1", true, "not expected here: needs Linux 3.0: broken"},
	} {
		out, failed := runMisbehaving(t, test.how, mustWork+"="+test.mustWork)
		if failed != test.fails || !strings.Contains(out, test.says) {
			t.Errorf("%s with %s=%s: failed is %v, output:\n%s", test.how, mustWork, test.mustWork, failed, out)
		}
	}
}
