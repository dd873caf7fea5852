//go:build linux && cgo

package nsenter_test

import (
	"bufio"
	"os"
	"os/signal"
	"syscall"
	"testing"

	"nsexec/internal/testutil"
	"nsexec/ns"
	"nsexec/nsenter"
)

// endsOnSIGTERM says when it can be asked to end, and does so with a status of its own.
const endsOnSIGTERM = "trap 'echo asked; exit 9' TERM; echo ready; while :; do sleep 0.01; done"

// SIGTERM arrives: at a program that handles it, as process 1 of a pid namespace too, and at one that does not, whatever
// the caller does about signals (chaos-mesh issue 1260, golang/go issue 27505).
func TestSIGTERMArrives(t *testing.T) {
	baseline(t)
	signal.Notify(make(chan os.Signal, 1), syscall.SIGTERM)
	defer signal.Reset(syscall.SIGTERM)
	everywhere(t, func(t *testing.T, set *ns.Set) {
		bothWays(t, func(t *testing.T, command starter) {
			checkAsked(t, command(set, "/bin/sh", "-c", endsOnSIGTERM))
			first := command(set, "/bin/sh", "-c", endsOnSIGTERM)
			addNew(first, ns.PID)
			checkAsked(t, first)
			other := command(set, "/bin/sleep", "1000")
			if err := other.Start(); err != nil {
				t.Fatal(err)
			}
			_ = other.Process.Signal(syscall.SIGTERM)
			wantExit(t, other.Wait(), -1)
			if status := other.ProcessState.Sys().(syscall.WaitStatus); status.Signal() != syscall.SIGTERM {
				t.Errorf("it ended by %v", status.Signal())
			}
		})
	})
}

func checkAsked(t *testing.T, cmd *nsenter.Cmd) {
	t.Helper()
	stdout, err := cmd.StdoutPipe()
	if err != nil {
		t.Fatal(err)
	}
	if err := cmd.Start(); err != nil {
		t.Fatal(err)
	}
	lines := bufio.NewScanner(stdout)
	if !lines.Scan() || lines.Text() != "ready" {
		t.Fatalf("it says %q", lines.Text())
	}
	if err := cmd.Process.Signal(syscall.SIGTERM); err != nil {
		t.Error(err)
	}
	if !lines.Scan() || lines.Text() != "asked" {
		t.Errorf("asked to end, it says %q", lines.Text())
	}
	wantExit(t, cmd.Wait(), 9)
	testutil.Eventually(t, "end of the program", func() bool { return testutil.IsGone(cmd.Process.Pid) })
}
