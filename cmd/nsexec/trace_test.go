//go:build linux && cgo

package main

import (
	"fmt"
	"regexp"
	"strings"
	"testing"
)

var stepLine = regexp.MustCompile(`^nsexec: +(\d+) us  (stage 0|stage 1|payload)  pid (\d+)  (\S.*)$`)

func TestVerbose(t *testing.T) {
	p := everything(t)
	cmd := inTarget(p, "-v", "-a", "-W", "/tmp", "sh", "-c", "echo out")
	r := run(t, cmd)
	if r.stdout != "out\n" || r.status != 0 {
		t.Errorf("status %#x, stdout %q", uint32(r.status), r.stdout)
	}
	var ops []string
	pids := make(map[string]string)
	last := 0
	for line := range strings.Lines(r.stderr) {
		match := stepLine.FindStringSubmatch(strings.TrimSuffix(line, "\n"))
		if match == nil {
			t.Fatalf("line %q", line)
		}
		var at int
		fmt.Sscan(match[1], &at)
		if at < last {
			t.Errorf("not in order: %q", line)
		}
		last = at
		pids[match[2]] = match[3]
		ops = append(ops, match[4])
	}
	steps := strings.Join(ops, ", ")
	if !regexp.MustCompile(`join user .*clone, .*enter directory, .*exec$`).MatchString(steps) {
		t.Errorf("steps are %s", steps)
	}
	if pids["stage 1"] != pids["payload"] || pids["stage 0"] == pids["payload"] {
		t.Errorf("pids are %v", pids)
	}
}

// What was done before a failure is the reason to ask for the steps.
func TestVerboseShowsWhatWasDoneBeforeAFailure(t *testing.T) {
	r := run(t, inTarget(everything(t), "-v", "-a", "/non/existent"))
	if !strings.Contains(r.stderr, "  join user") || !strings.HasSuffix(r.stderr, "no such file or directory (payload)\n") {
		t.Errorf("stderr %q", r.stderr)
	}
}
