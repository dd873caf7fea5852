//go:build linux && cgo

package attack

import (
	"strings"
	"testing"

	"nsexec/internal/testutil"
)

// Nothing of the caller's environment goes along but what is given, not even to be seen by who may see all.
func TestEnvironment(t *testing.T) {
	a := attack{
		name: "find the caller's environment, or what activates a stage", weak: []string{"environ", "variable"},
		tool: true, try: findEnvironment,
	}
	if testutil.Who() == testutil.Root {
		a.run(t)
		return
	}
	for _, k := range kinds() { // who may not read a stage's sees at least the payload's
		t.Run(string(k), func(t *testing.T) { a.runBy(t, k) })
	}
}

func findEnvironment(t *testing.T, s *scene) string {
	told := s.enter(t, orders{Program: []string{"/evil", "report"}, Env: []string{"GIVEN=1"}, Joins: 3, Watch: true})
	told.wantAll(t, 3)
	if len(told.Seen) > 0 {
		return "of a stage: " + strings.Join(told.Seen, ", ")
	}
	for _, line := range told.Said {
		if strings.HasPrefix(line, "env ") && line != "env GIVEN=1" && line != "env PATH=/bin" {
			return "of the payload: " + line
		}
	}
	if !told.says("env GIVEN=1") {
		t.Errorf("the payload said %q", told.Said)
	}
	return ""
}
