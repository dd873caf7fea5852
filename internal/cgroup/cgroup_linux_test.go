package cgroup

import (
	"os"
	"os/exec"
	"path/filepath"
	"strconv"
	"testing"

	"nsexec/internal/testutil"
)

// A directory with the files of a cgroup: what is read, whichever version they are of.
func fakeGroup(t *testing.T, files map[string]string) string {
	t.Helper()
	dir := t.TempDir()
	for name, text := range files {
		if err := os.WriteFile(filepath.Join(dir, name), []byte(text), 0o600); err != nil {
			t.Fatal(err)
		}
	}
	return dir
}

func TestNumbers(t *testing.T) {
	dir := fakeGroup(t, map[string]string{
		"pids.max": "max\n", "pids.current": "7\n", "memory.limit_in_bytes": "18446744073709551615\n",
		"memory.events": "low 0\noom 3\noom_kill 2\noom_group_kill 0\n", "memory.oom_control": "oom_kill_disable 0\nunder_oom 0\noom_kill 5\n",
	})
	for name, want := range map[string]int{"pids.max": -1, "pids.current": 7, "missing": -1, "memory.limit_in_bytes": 1<<63 - 1} {
		if got := number(dir, name); got != want {
			t.Errorf("%s is %d, want %d", name, got, want)
		}
	}
	for name, want := range map[string]int{"memory.events": 2, "memory.oom_control": 5, "missing": -1} {
		if got := keyed(dir, name, "oom_kill"); got != want {
			t.Errorf("oom_kill in %s is %d, want %d", name, got, want)
		}
	}
}

// Of a cgroup that was not found, nothing is read from the working directory.
func TestNowhere(t *testing.T) {
	t.Chdir(fakeGroup(t, map[string]string{"pids.max": "1\n", "pids.current": "1\n", "cgroup.events": "frozen 1\n", "freezer.state": "FROZEN\n"}))
	var nowhere Place
	if l, ok := nowhere.Processes(); ok {
		t.Errorf("limit is %+v", l)
	}
	if l, _, ok := nowhere.Memory(); ok {
		t.Errorf("limit is %+v", l)
	}
	if dir, _ := nowhere.Frozen(); dir != "" || !nowhere.Unknown() {
		t.Errorf("frozen in %q", dir)
	}
}

// This very process is in some cgroup, wherever cgroups are mounted; and it runs.
func TestOwnPlace(t *testing.T) {
	place, err := Of(os.Getpid())
	if err != nil || place.Unknown() {
		t.Fatalf("%+v, %v", place, err)
	}
	if dir, _ := place.Frozen(); dir != "" {
		t.Errorf("frozen in %s", dir)
	}
}

// oddVariable names where a hierarchy is mounted for the test that is run again there.
const oddVariable = "NSEXEC_TEST_ODD_MOUNT"

// What a mount table escapes, and what only Unicode takes for white space, may stand in the path of a mount.
func TestOddlyMounted(t *testing.T) {
	place, err := Of(os.Getpid())
	if err != nil {
		t.Fatal(err)
	}
	g, ok := place.controlled("pids")
	if odd := os.Getenv(oddVariable); odd != "" {
		if g.root != odd {
			t.Errorf("the hierarchy is found in %q, and is in %q", g.root, odd)
		}
		return
	}
	if !ok {
		testutil.Skip(t, "no hierarchy of cgroups is mounted here")
	}
	odd := filepath.Join(t.TempDir(), "no-break\u00a0space \t\\")
	if err := os.Mkdir(odd, 0o755); err != nil {
		t.Fatal(err)
	}
	const script = `mount --bind "$0" "$1" && exec "$2" -test.run='^TestOddlyMounted$'`
	args := []string{"--mount", "--propagation=private", "sh", "-c", script, g.root, odd, os.Args[0]}
	if testutil.Who() == testutil.User {
		args = append([]string{"-Ur"}, args...)
	}
	cmd := exec.Command("unshare", args...)
	cmd.Env = append(os.Environ(), oddVariable+"="+odd)
	if out, err := cmd.CombinedOutput(); err != nil {
		t.Errorf("%v: %s", err, out)
	}
}

// A cgroup that is made, with limits of its own, and one below it that has none.
func TestLimitsOfAbove(t *testing.T) {
	testutil.NeedRoot(t)
	parent, err := os.MkdirTemp("/sys/fs/cgroup/pids", "cgroup-test-")
	if err != nil {
		parent, err = os.MkdirTemp("/sys/fs/cgroup", "cgroup-test-")
	}
	if err != nil {
		testutil.Skip(t, "no hierarchy of cgroups is mounted here")
	}
	defer os.Remove(parent)
	if _, err := os.Stat(filepath.Join(parent, "pids.max")); err != nil {
		testutil.Skip(t, "no hierarchy of cgroups has a pids controller here")
	}
	below := filepath.Join(parent, "below")
	if err := os.Mkdir(below, 0o755); err != nil {
		t.Fatal(err)
	}
	defer os.Remove(below)
	if err := os.WriteFile(filepath.Join(parent, "pids.max"), []byte("5"), 0); err != nil {
		t.Fatal(err)
	}
	target := testutil.Target(t, 0)
	if err := os.WriteFile(filepath.Join(below, "cgroup.procs"), strconv.AppendInt(nil, int64(target.PID), 10), 0); err != nil {
		t.Fatal(err)
	}
	defer target.Kill()
	place, err := Of(target.PID)
	if err != nil {
		t.Fatal(err)
	}
	if l, ok := place.Processes(); !ok || l != (Limit{Dir: parent, Max: 5, Used: 1}) {
		t.Errorf("limit is %+v, %v", l, ok)
	}
}
