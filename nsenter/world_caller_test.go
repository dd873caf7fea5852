//go:build linux && cgo

package nsenter_test

import (
	"fmt"
	"io"
	"math/rand/v2"
	"os"
	"os/exec"
	"path/filepath"
	"slices"
	"strconv"
	"syscall"
	"testing"
	"time"

	"golang.org/x/sys/unix"

	"nsexec/internal/testutil"
	"nsexec/ns"
	"nsexec/nsenter"
)

func init() {
	// starts enters the namespaces of the process given until it is killed, and says "b" before each Start.
	zoo["starts"] = func(arg []string) error {
		return callAgain(arg, func(set *ns.Set) *nsenter.Cmd { return nsenter.Command(set, "/bin/true") })
	}
	// holds keeps a payload from being executed for as long as it lives; stops keeps it from doing anything.
	zoo["holds"] = func(arg []string) error { return callAgain(arg, held(0)) }
	zoo["stops"] = func(arg []string) error { return callAgain(arg, held(syscall.SIGSTOP)) }
}

func held(by syscall.Signal) func(*ns.Set) *nsenter.Cmd {
	return func(set *ns.Set) *nsenter.Cmd {
		cmd := nsenter.Command(set, "/bin/sleep", "1000")
		cmd.StartTimeout = -1
		cmd.BeforeExec = func(pid int) error {
			_ = syscall.Kill(pid, by)
			select {}
		}
		return cmd
	}
}

func callAgain(arg []string, command func(*ns.Set) *nsenter.Cmd) error {
	if err := noteRun(os.Getenv(runsVariable)); err != nil {
		return err
	}
	if len(arg) != 1 {
		return fmt.Errorf("want one argument, have %q", arg)
	}
	pid, err := strconv.Atoi(arg[0])
	if err != nil {
		return err
	}
	set, err := ns.OfPID(pid, ns.All)
	if err != nil {
		return err
	}
	for {
		if _, err := os.Stdout.WriteString("b"); err != nil {
			return err
		}
		if err := command(set).Run(); err != nil {
			return err
		}
	}
}

// reapAll reaps what the caller has left to us, who are its subreaper: all but our own children. It must end, and soon. But
// a function's payload does so by itself, and its runtime may have to boot first, on a machine that has others to run.
func reapAll(t *testing.T, own ...int) {
	t.Helper()
	deadline := time.Now().Add(testutil.Bound(10 * time.Second))
	for {
		left := slices.DeleteFunc(childrenOf(os.Getpid()), func(pid int) bool { return slices.Contains(own, pid) })
		if len(left) == 0 {
			return
		}
		for _, pid := range left {
			_, _ = unix.Wait4(pid, nil, unix.WNOHANG, nil)
		}
		if time.Now().After(deadline) {
			for _, pid := range left {
				stat, _ := os.ReadFile(fmt.Sprintf("/proc/%d/stat", pid))
				t.Logf("%.100s", stat)
			}
			t.Fatalf("left 10 s after its caller was killed: %v", left)
		}
		time.Sleep(100 * time.Microsecond)
	}
}

// killCallers kills callers, each some time after it has begun to start a payload.
func killCallers(t *testing.T, program string, n int, after func() time.Duration) {
	t.Helper()
	if err := unix.Prctl(unix.PR_SET_CHILD_SUBREAPER, 1, 0, 0, 0); err != nil {
		t.Fatal(err)
	}
	target := testutil.Target(t, testutil.PrivilegedTypes)
	own := childrenOf(os.Getpid()) // the target, or the target's parent
	runs := filepath.Join(t.TempDir(), "runs")
	if err := os.WriteFile(runs, nil, 0o600); err != nil {
		t.Fatal(err)
	}
	for i := range n {
		killCaller(t, program, runs, target.PID, after())
		reapAll(t, own...)
		if checkRuns(t, runs, i+1); t.Failed() {
			t.Fatalf("round %d", i)
		}
	}
}

func killCaller(t *testing.T, program, runs string, target int, after time.Duration) {
	t.Helper()
	cmd := exec.Command(zooBinary, strconv.Itoa(target))
	cmd.Env = zooEnv(program, runsVariable+"="+runs)
	cmd.Stderr = os.Stderr
	stdout, err := cmd.StdoutPipe()
	if err != nil {
		t.Fatal(err)
	}
	if err := cmd.Start(); err != nil {
		t.Fatal(err)
	}
	if _, err := io.ReadFull(stdout, make([]byte, 1)); err != nil {
		t.Fatal(err)
	}
	time.Sleep(after)
	_ = cmd.Process.Kill()
	_ = cmd.Wait()
}

func TestCallerKilledDuringStart(t *testing.T) {
	if !alone(t) {
		return
	}
	n := 500
	if testing.Short() {
		n = 50
	}
	killCallers(t, "starts", n, func() time.Duration { return rand.N(6 * time.Millisecond) })
}

func TestCallerKilledBeforeExec(t *testing.T) {
	if !alone(t) {
		return
	}
	killCallers(t, "holds", 10, func() time.Duration { return 20 * time.Millisecond })
}

func TestCallerKilledWhilePayloadIsStopped(t *testing.T) {
	if !alone(t) {
		return
	}
	killCallers(t, "stops", 10, func() time.Duration { return 20 * time.Millisecond })
}
