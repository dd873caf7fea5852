//go:build linux

package builds

import (
	"os"
	"os/exec"
	"path/filepath"
	"strconv"
	"strings"
	"testing"

	"golang.org/x/sys/unix"

	"nsexec/internal/testutil"
)

// The first Go program of the README is compiled, and does what it says.
func TestReadme(t *testing.T) {
	readme, err := os.ReadFile("../../README.md")
	if err != nil {
		t.Fatal(err)
	}
	_, rest, _ := strings.Cut(string(readme), "```go\n")
	program, _, found := strings.Cut(rest, "```")
	if !found {
		t.Fatal("the README has no Go program")
	}
	c := newConsumer(t)
	if err := os.Mkdir(filepath.Join(c.dir, "readme"), 0o755); err != nil {
		t.Fatal(err)
	}
	c.write(t, "readme/main.go", program)
	path := c.build(t, nil, "readme", "./readme")

	target := testutil.Target(t, unix.CLONE_NEWUSER|unix.CLONE_NEWUTS)
	want, err := os.Readlink(filepath.Join("/proc", strconv.Itoa(target.PID), "ns/uts"))
	if err != nil {
		t.Fatal(err)
	}
	out, err := exec.Command(path, strconv.Itoa(target.PID)).CombinedOutput()
	if err != nil || !strings.Contains(string(out), want) {
		t.Errorf("it says %q, without %s (%v)", out, want, err)
	}
}
