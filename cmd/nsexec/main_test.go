//go:build linux && cgo

package main

import (
	"bytes"
	"errors"
	"os"
	"os/exec"
	"strconv"
	"strings"
	"syscall"
	"testing"

	"nsexec/internal/testutil"
)

// beCommand makes the test's own executable the command: it is there for every identity, and built as the test is
// (race, static, PIE).
const beCommand = "NSEXEC_TEST_COMMAND"

func TestMain(m *testing.M) {
	if os.Getenv(beCommand) != "" {
		main()
	}
	os.Exit(m.Run())
}

// command is nsexec with arguments.
func command(args ...string) *exec.Cmd {
	cmd := exec.Command("/proc/self/exe", args...)
	cmd.Args[0] = "nsexec"
	cmd.Env = append(os.Environ(), beCommand+"=1")
	return cmd
}

// result is what is left of a command.
type result struct {
	stdout, stderr string
	status         syscall.WaitStatus
}

func run(t *testing.T, cmd *exec.Cmd) result {
	t.Helper()
	var stdout, stderr bytes.Buffer
	cmd.Stdout, cmd.Stderr = &stdout, &stderr
	err := cmd.Run()
	if exit := new(exec.ExitError); err != nil && !errors.As(err, &exit) {
		t.Fatalf("run %v: %v", cmd, err)
	}
	return result{stdout.String(), stderr.String(), cmd.ProcessState.Sys().(syscall.WaitStatus)}
}

// mustRun returns what a command that succeeds prints.
func mustRun(t *testing.T, cmd *exec.Cmd) string {
	t.Helper()
	r := run(t, cmd)
	if r.status != 0 {
		t.Fatalf("%v: status %#x, stdout %q, stderr %q", cmd, uint32(r.status), r.stdout, r.stderr)
	}
	return r.stdout
}

// inTarget is "exec -t PID" with more arguments.
func inTarget(p *testutil.Proc, args ...string) *exec.Cmd {
	return command(append([]string{"exec", "-t", strconv.Itoa(p.PID)}, args...)...)
}

// everything is a target with all the namespaces that the tests' identity can make.
func everything(t *testing.T) *testutil.Proc {
	t.Helper()
	return testutil.Target(t, testutil.AllTypes)
}

// showNamespaces prints the inode of every namespace, as "net:[4026531840]".
var showNamespaces = []string{"sh", "-c", "for t in cgroup ipc mnt net pid time user uts; do readlink /proc/self/ns/$t; done"}

// wantNamespaces is what showNamespaces prints in a process's namespaces.
func wantNamespaces(t *testing.T, pid int) string {
	t.Helper()
	inodes := testutil.Namespaces(t, pid)
	var b strings.Builder
	for _, name := range []string{"cgroup", "ipc", "mnt", "net", "pid", "time", "user", "uts"} {
		if inode, ok := inodes[name]; ok {
			b.WriteString(name + ":[" + strconv.FormatUint(inode, 10) + "]\n")
		}
	}
	return b.String()
}
