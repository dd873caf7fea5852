//go:build linux

package builds

import (
	"fmt"
	"os"
	"os/exec"
	"path/filepath"
	"strings"
	"syscall"
	"testing"

	"nsexec/internal/testutil"
)

// ordinaryUser is an id that belongs to nobody.
const ordinaryUser = 47110

// A consumer is a module of its own that requires the library.
type consumer struct {
	dir  string
	runs string // a byte for each time that a main has run
}

// newConsumer makes one in a directory that everybody may search.
func newConsumer(t *testing.T) *consumer {
	t.Helper()
	if testutil.InUserns() {
		testutil.NeedRoot(t) // what is built is the same for everybody: root runs it as all three
	}
	dir, err := os.MkdirTemp("", "nsexec-builds-")
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() { _ = os.RemoveAll(dir) })
	c := &consumer{dir: filepath.Join(dir, "consumer"), runs: filepath.Join(dir, "runs")}
	if err := os.CopyFS(c.dir, os.DirFS("testdata/consumer")); err != nil {
		t.Fatal(err)
	}
	c.require(t)
	if err := os.Chmod(dir, 0o755); err != nil {
		t.Fatal(err)
	}
	return c
}

// compilesWhole is for tests that compile the standard library anew. That takes a minute the first time: root does
// it, whose cache outlives the run, and runs the result as everybody.
func compilesWhole(t *testing.T) {
	t.Helper()
	testutil.NeedRoot(t)
}

// require writes go.mod: what the library requires, the library, and where it is.
func (c *consumer) require(t *testing.T) {
	t.Helper()
	root, err := filepath.Abs("../..")
	if err != nil {
		t.Fatal(err)
	}
	sum, err := os.ReadFile(filepath.Join(root, "go.sum"))
	if err != nil {
		t.Fatal(err)
	}
	mod, err := os.ReadFile(filepath.Join(root, "go.mod"))
	if err != nil {
		t.Fatal(err)
	}
	_, requires, _ := strings.Cut(string(mod), "\n") // behind the module's own name
	text := fmt.Sprintf("module consumer\n%s\nrequire nsexec v0.0.0\n\nreplace nsexec => %s\n", requires, root)
	c.write(t, "go.mod", text)
	c.write(t, "go.sum", string(sum))
}

func (c *consumer) write(t *testing.T, name, text string) {
	t.Helper()
	if err := os.WriteFile(filepath.Join(c.dir, name), []byte(text), 0o644); err != nil {
		t.Fatal(err)
	}
}

// run runs a program in the consumer's directory, which must succeed.
func (c *consumer) run(t *testing.T, env []string, name string, arg ...string) {
	t.Helper()
	cmd := exec.Command(name, arg...)
	cmd.Dir = c.dir
	cmd.Env = append(os.Environ(), env...)
	if out, err := cmd.CombinedOutput(); err != nil {
		t.Fatalf("%v: %v\n%s", cmd, err, out)
	}
}

// build builds a package into a file of the same name, and returns its path.
func (c *consumer) build(t *testing.T, env []string, out, pkg string, flags ...string) string {
	t.Helper()
	path := filepath.Join(c.dir, "bin", out)
	arg := append([]string{"build", "-buildvcs=false", "-o", path}, flags...)
	c.run(t, append([]string{"CGO_ENABLED=1"}, env...), "go", append(arg, pkg)...)
	return path
}

// report runs a program and returns what it says. Its main must run once.
func (c *consumer) report(t *testing.T, cmd *exec.Cmd) string {
	t.Helper()
	if err := os.WriteFile(c.runs, nil, 0o666); err != nil {
		t.Fatal(err)
	}
	if err := os.Chmod(c.runs, 0o666); err != nil {
		t.Fatal(err)
	}
	cmd.Env = append(append(os.Environ(), "RUNS="+c.runs), cmd.Env...)
	cmd.Dir = "/"
	out, err := cmd.CombinedOutput()
	if err != nil {
		t.Errorf("%v: %v\n%s", cmd, err, out)
	}
	runs, err := os.ReadFile(c.runs)
	if err != nil {
		t.Fatal(err)
	}
	if len(runs) != 1 {
		t.Errorf("%v: main ran %d times", cmd, len(runs))
	}
	return strings.TrimSpace(string(out))
}

// everybody is a program run as whoever we are; and if that is root, as the two others as well.
func everybody(name string, arg ...string) map[testutil.Identity]*exec.Cmd {
	cmds := map[testutil.Identity]*exec.Cmd{testutil.Who(): exec.Command(name, arg...)}
	if testutil.Who() == testutil.Root {
		user := &syscall.SysProcAttr{Credential: &syscall.Credential{Uid: ordinaryUser, Gid: ordinaryUser}}
		cmds[testutil.User] = exec.Command(name, arg...)
		cmds[testutil.UsernsRoot] = exec.Command("unshare", append([]string{"-Ur", name}, arg...)...)
		cmds[testutil.User].SysProcAttr, cmds[testutil.UsernsRoot].SysProcAttr = user, user
	}
	return cmds
}

// checkJoins runs a program as everybody: each of them gets into a target.
func (c *consumer) checkJoins(t *testing.T, name string, arg ...string) {
	t.Helper()
	for who, cmd := range everybody(name, arg...) {
		if got := c.report(t, cmd); got != "joined" {
			t.Errorf("as %s: %s", who, got)
		}
	}
}

// checkUnavailable runs a program in which the library must refuse to start anything.
func (c *consumer) checkUnavailable(t *testing.T, cmd *exec.Cmd) {
	t.Helper()
	if got := c.report(t, cmd); !strings.HasPrefix(got, "unavailable: ") {
		t.Errorf("%v: %s", cmd, got)
	}
}
