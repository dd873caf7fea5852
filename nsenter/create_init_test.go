//go:build linux && cgo

package nsenter_test

import (
	"syscall"
	"testing"

	"nsexec/ns"
	"nsexec/nsenter"
)

func withInit(types ns.Type, script string) *nsenter.Cmd {
	cmd := creating(types, script)
	cmd.Init = true
	cmd.New.MountProc = types&ns.Mount != 0
	return cmd
}

func TestInitEndsAsItsProgram(t *testing.T) {
	baseline(t)
	for script, want := range map[string]int{
		"exit 0": 0, "exit 3": 3, "kill -TERM $$": 128 + 15, "kill -KILL $$": 128 + 9, "ulimit -c 0; kill -SEGV $$": 128 + 11,
	} {
		cmd := withInit(ns.PID, script)
		if err := cmd.Run(); want != 0 {
			wantExit(t, err, want)
		} else if err != nil {
			t.Errorf("%s: %v", script, err)
		}
	}
}

func TestInitIsProcess1(t *testing.T) {
	baseline(t)
	wantSays(t, withInit(ns.PID|ns.Mount, `echo $$ $PPID; cat /proc/1/comm`), "2 1 nsexec: init")
}

// Orphans become children of process 1, whether they end before the program or after their parent.
func TestInitReapsOrphans(t *testing.T) {
	baseline(t)
	const script = `for i in 1 2 3 4 5; do (sleep 0.02 & true & : ); done; sleep 0.2; grep -l 'State:.Z' /proc/[0-9]*/status
set -- /proc/[0-9]*; echo $#`
	wantSays(t, withInit(ns.PID|ns.Mount, script), "2") // the init and the shell
}

func TestInitHandsSignalsOn(t *testing.T) {
	baseline(t)
	for sig, name := range map[syscall.Signal]string{syscall.SIGTERM: "TERM", syscall.SIGHUP: "HUP", syscall.SIGUSR1: "USR1"} {
		cmd := withInit(ns.PID, "trap 'exit 9' "+name+"; echo 1; while :; do sleep 0.01; done")
		stdout, _ := pipes(t, cmd)
		if err := cmd.Start(); err != nil {
			t.Fatal(err)
		}
		readPID(t, stdout)
		if err := cmd.Process.Signal(sig); err != nil {
			t.Fatal(err)
		}
		wantExit(t, cmd.Wait(), 9)
	}
}

// All that it is the init of dies with it.
func TestInitKilled(t *testing.T) {
	baseline(t)
	cmd := withInit(ns.PID, "echo 1; sleep 60")
	stdout, _ := pipes(t, cmd)
	if err := cmd.Start(); err != nil {
		t.Fatal(err)
	}
	readPID(t, stdout)
	if err := cmd.Process.Kill(); err != nil {
		t.Fatal(err)
	}
	wantExit(t, cmd.Wait(), -1)
}

// A program that cannot be executed is Start's error, init or not.
func TestInitWithoutProgram(t *testing.T) {
	baseline(t)
	cmd := withInit(ns.PID, "")
	cmd.Path = "/nonexistent"
	wantRefused(t, cmd, nsenter.StagePayload, syscall.ENOENT, `exec "/nonexistent"`)
}
