//go:build linux && cgo

package nsenter_test

import (
	"errors"
	"fmt"
	"os"
	"os/exec"
	"testing"

	"golang.org/x/sys/unix"

	"nsexec/internal/testutil"
	"nsexec/ns"
	"nsexec/nsenter"
)

func TestTargetThatIsGone(t *testing.T) {
	baseline(t)
	if _, err := ns.OfPID(deadPID(t), ns.All); !errors.Is(err, ns.ErrProcessGone) || !errors.Is(err, unix.ESRCH) {
		t.Errorf("set of the dead: %v", err)
	}
}

func TestTargetOfSomebodyElse(t *testing.T) {
	baseline(t)
	if testutil.Who() == testutil.Root {
		testutil.NeedUser(t)
	}
	if _, err := ns.OfPID(1, ns.All); !errors.Is(err, os.ErrPermission) {
		t.Errorf("set of process 1: %v", err)
	}
}

// The target dies between its Set and Start: nothing can be joined by process any more.
func TestTargetThatDies(t *testing.T) {
	testutil.Needs(t, "pidfd_open", "setns:several")
	baseline(t)
	for _, types := range []ns.Type{ns.UTS, ns.UTS | ns.PID, ns.All} {
		t.Run(types.String(), func(t *testing.T) {
			target := testutil.Target(t, uint64(types))
			set := setOf(t, target.PID, ns.Type(target.Types))
			target.Kill()
			cmd := nsenter.Command(set, "/bin/true")
			cmd.ForceJoin(nsenter.JoinByProcess)
			checkRefusal(t, cmd, refusal{
				errno: unix.ESRCH, stage: nsenter.Stage0, op: "join", is: ns.ErrProcessGone, hint: "exited",
			})
		})
	}
}

// The handles of a set outlive its target, and so do the namespaces.
func TestNamespacesThatOutliveTarget(t *testing.T) {
	baseline(t)
	target := testutil.Target(t, testutil.AllTypes&^uint64(ns.PID))
	set := setOf(t, target.PID, ns.All)
	target.Kill()
	for _, mode := range []nsenter.JoinMode{nsenter.JoinAuto, nsenter.JoinByHandles} {
		checkNamespacesOf(t, set, mode)
	}
}

// A pid namespace dies with its first process; the kernel calls that lack of memory, and the error knows better.
func TestPIDNamespaceThatIsDead(t *testing.T) {
	testutil.Needs(t, "pidfd_open") // to know that it is not memory
	baseline(t)
	target := testutil.Target(t, uint64(ns.PID))
	set := setOf(t, target.PID, ns.Type(target.Types))
	target.Kill()
	for _, mode := range []nsenter.JoinMode{nsenter.JoinAuto, nsenter.JoinByHandles} {
		cmd := nsenter.Command(set, "/bin/true")
		cmd.ForceJoin(mode)
		checkRefusal(t, cmd, refusal{errno: unix.ENOMEM, stage: nsenter.Stage0, op: "clone", is: ns.ErrProcessGone, hint: "first process"})
	}
}

// The target moves on between its Set and Start: by process that is noticed, by handles it does not matter.
func TestTargetThatMovesOn(t *testing.T) {
	testutil.Needs(t, "pidfd_open", "setns:several")
	baseline(t)
	for _, test := range []struct {
		mode nsenter.JoinMode
		want nsenter.Errno
	}{{nsenter.JoinByProcess, unix.ESTALE}, {nsenter.JoinAuto, unix.ESTALE}, {nsenter.JoinByHandles, 0}} {
		r, w, err := os.Pipe()
		if err != nil {
			t.Fatal(err)
		}
		cmd := exec.Command("unshare", "-Uru", "sh", "-c", "read line; exec unshare -u sh -c 'echo; read line'")
		cmd.Stdin = r
		stdout, err := cmd.StdoutPipe()
		if err != nil {
			t.Fatal(err)
		}
		if err := cmd.Start(); err != nil {
			t.Fatal(err)
		}
		r.Close()
		own, err := ns.Inode(os.Getpid(), ns.User)
		if err != nil {
			t.Fatal(err)
		}
		testutil.Eventually(t, "target's uts namespace", func() bool {
			user, err := ns.Inode(cmd.Process.Pid, ns.User)
			comm, _ := os.ReadFile(fmt.Sprintf("/proc/%d/comm", cmd.Process.Pid))
			return err == nil && user != own && string(comm) == "sh\n"
		})
		set := setOf(t, cmd.Process.Pid, ns.User|ns.UTS)
		fmt.Fprintln(w)
		if _, err := stdout.Read(make([]byte, 1)); err != nil {
			t.Fatal(err)
		}
		entry := nsenter.Command(set, "/bin/true")
		entry.ForceJoin(test.mode)
		if test.want == 0 {
			checkNamespacesOf(t, set, test.mode)
		} else {
			checkRefusal(t, entry, refusal{errno: test.want, stage: nsenter.Stage0, op: "join", hint: "changed"})
		}
		w.Close()
		_ = cmd.Wait()
	}
}
