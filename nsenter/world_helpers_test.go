//go:build linux && cgo

package nsenter_test

import (
	"errors"
	"io"
	"maps"
	"os"
	"os/exec"
	"slices"
	"strconv"
	"strings"
	"testing"

	"nsexec/internal/procfs"
	"nsexec/internal/testutil"
	"nsexec/ns"
	"nsexec/nsenter"
)

// joinModes are the ways of joining, each of which must do what the others do.
var joinModes = map[string]nsenter.JoinMode{
	"auto":       nsenter.JoinAuto,
	"by process": nsenter.JoinByProcess,
	"by handles": nsenter.JoinByHandles,
}

func init() {
	if testutil.Hidden("pidfd_open", "setns:several") {
		delete(joinModes, "by process")
	}
}

// baseline is testutil.Baseline, after one run of everything that opens what is kept on purpose: the sealed
// executable, the reaper's epoll, a procfs of our own.
func baseline(t testing.TB) {
	t.Helper()
	testutil.Baseline(t, func() {
		target := testutil.Target(t, uint64(ns.User|ns.Mount))
		defer target.Kill()
		set, err := ns.OfPID(target.PID, ns.Type(target.Types))
		if err != nil {
			t.Fatal(err)
		}
		defer set.Close()
		if err := nsenter.Command(set, "true").Run(); err != nil {
			t.Fatal(err)
		}
		if _, err := ns.Supported(); err != nil { // keeps another root of procfs open, which pathrs has found safe
			t.Fatal(err)
		}
	})
}

// setOf is the namespaces of those types that a target is in.
func setOf(t testing.TB, pid int, types ns.Type) *ns.Set {
	t.Helper()
	set, err := ns.OfPID(pid, types)
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() { set.Close() })
	return set
}

// setOfHandle is a set without a process. It takes over the handle.
func setOfHandle(t testing.TB, handle *ns.Handle, err error) *ns.Set {
	t.Helper()
	if err != nil {
		t.Fatal(err)
	}
	defer handle.Close()
	set, err := ns.NewSet(handle)
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() { set.Close() })
	return set
}

// payload is a started payload that waits in a read: its own view of its pid, and the caller's.
type payload struct {
	*nsenter.Cmd
	inner  int
	outer  int // as BeforeExec was told
	stdin  io.WriteCloser
	waited bool
}

// sayPIDAndWait is a shell's program: its pid, and then nothing until its stdin ends.
const sayPIDAndWait = "echo $$; read line; exit 0"

// enter starts a payload and waits until its program runs. It ends with the test. The functions are called before exec.
func enter(t testing.TB, cmd *nsenter.Cmd, before ...func(pid int) error) *payload {
	t.Helper()
	p := &payload{Cmd: cmd}
	cmd.BeforeExec = func(pid int) error {
		p.outer = pid
		var errs []error
		for _, look := range before {
			errs = append(errs, look(pid))
		}
		return errors.Join(errs...)
	}
	stdout, stdin := pipes(t, cmd)
	p.stdin = stdin
	if err := cmd.Start(); err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() { p.end(t) })
	p.inner = readPID(t, stdout)
	return p
}

func pipes(t testing.TB, cmd *nsenter.Cmd) (io.Reader, io.WriteCloser) {
	t.Helper()
	stdin, err := cmd.StdinPipe()
	if err != nil {
		t.Fatal(err)
	}
	stdout, err := cmd.StdoutPipe()
	if err != nil {
		t.Fatal(err)
	}
	return stdout, stdin
}

// end closes the payload's stdin, at which it must exit with status 0.
func (p *payload) end(t testing.TB) {
	if p.waited {
		return
	}
	p.waited = true
	p.stdin.Close()
	if err := p.Wait(); err != nil {
		t.Errorf("payload: %v", err)
	}
}

// readPID reads one line, byte by byte: what follows it stays.
func readPID(t testing.TB, r io.Reader) int {
	t.Helper()
	var line []byte
	for b := make([]byte, 1); ; line = append(line, b[0]) {
		if _, err := io.ReadFull(r, b); err != nil {
			t.Fatalf("payload said %q, then %v", line, err)
		}
		if b[0] == '\n' {
			break
		}
	}
	pid, err := strconv.Atoi(string(line))
	if err != nil {
		t.Fatalf("payload said %q instead of its pid", line)
	}
	return pid
}

// checkInside compares a running payload with a process whose namespaces it must share, all eight of them.
func checkInside(t testing.TB, p *payload, target int) {
	t.Helper()
	checkNamespaces(t, p.Process.Pid, testutil.Namespaces(t, target))
	checkIdentity(t, p)
}

func checkNamespaces(t testing.TB, pid int, want map[string]uint64) {
	t.Helper()
	got := testutil.Namespaces(t, pid)
	for _, name := range slices.Sorted(maps.Keys(want)) {
		if got[name] != want[name] {
			t.Errorf("%s namespace: payload is in %d, want %d", name, got[name], want[name])
		}
	}
}

// checkIdentity: it is our child, and every way to its pid leads to the same process.
func checkIdentity(t testing.TB, p *payload) {
	t.Helper()
	pid := p.Process.Pid
	if parent := statusOf(t, pid, "PPid"); parent[0] != strconv.Itoa(os.Getpid()) {
		t.Errorf("parent is %s, want %d", parent[0], os.Getpid())
	}
	pids := statusOf(t, pid, "NSpid")
	if pids[0] != strconv.Itoa(pid) || p.outer != pid {
		t.Errorf("outer pid: Process %d, BeforeExec %d, NSpid %v", pid, p.outer, pids)
	}
	if pids[len(pids)-1] != strconv.Itoa(p.inner) {
		t.Errorf("inner pid: payload says %d, NSpid %v", p.inner, pids)
	}
}

// statusOf returns the fields of a line of /proc/PID/status.
func statusOf(t testing.TB, pid int, key string) []string {
	t.Helper()
	text, err := os.ReadFile("/proc/" + strconv.Itoa(pid) + "/status")
	if err != nil {
		t.Fatal(err)
	}
	for line := range strings.Lines(string(text)) {
		if rest, ok := strings.CutPrefix(line, key+":"); ok {
			return strings.Fields(rest)
		}
	}
	t.Fatalf("no %s in the status of %d", key, pid)
	return nil
}

// childrenOf lists a process's children, whichever thread made them.
func childrenOf(pid int) []int { return procfs.Children(pid) }

// deadPID is a pid that was ours and is nobody's now.
func deadPID(t testing.TB) int {
	t.Helper()
	cmd := exec.Command("true")
	if err := cmd.Run(); err != nil {
		t.Fatal(err)
	}
	return cmd.Process.Pid
}

// everywhere runs a test outside of any set, in one that takes no clone, and in one of all types.
func everywhere(t *testing.T, test func(t *testing.T, set *ns.Set)) {
	t.Helper()
	t.Run("nowhere", func(t *testing.T) { test(t, nil) })
	for name, types := range map[string]ns.Type{"without clone": ns.UTS | ns.Mount, "everything": ns.All} {
		t.Run(name, func(t *testing.T) {
			target := testutil.Target(t, uint64(types))
			test(t, setOf(t, target.PID, ns.Type(target.Types)))
		})
	}
}
