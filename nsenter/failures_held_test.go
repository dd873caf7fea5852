//go:build linux && cgo

package nsenter_test

import (
	"fmt"
	"os"
	"path/filepath"
	"sync"
	"testing"
	"time"

	"golang.org/x/sys/unix"

	"nsexec/internal/testutil"
	"nsexec/nsenter"
)

// ofWaiting is the want of a Start that has waited for too long.
func ofWaiting(stage nsenter.Stage, op string, says ...string) whole {
	return whole{refusal: refusal{stage: stage, op: op, is: os.ErrDeadlineExceeded}, says: append(says, "StartTimeout has passed")}
}

// heldFailures are about processes that do not go on.
var heldFailures = []failure{
	{name: "frozen by version 1", in: root, want: ofWaiting(nsenter.StagePayload, "wait for exec", "it dies when that is thawed"),
		fails: intoFrozen("freezer.state", "FROZEN", "THAWED", "/sys/fs/cgroup/freezer")},
	{name: "frozen by version 2", in: root, want: ofWaiting(nsenter.StagePayload, "wait for exec"),
		fails: intoFrozen("cgroup.freeze", "1", "0", "/sys/fs/cgroup/unified", "/sys/fs/cgroup")},
	{name: "stopped", want: ofWaiting(nsenter.StagePayload, "wait for exec"),
		fails: func(_ *testing.T, command starter, want *whole) error {
			cmd := command(nil, "/bin/true")
			cmd.StartTimeout = timeout
			cmd.BeforeExec = func(pid int) error {
				want.says = append(want.says, fmt.Sprintf("process %d is stopped", pid))
				return unix.Kill(pid, unix.SIGSTOP)
			}
			return cmd.Run()
		}},
	{name: "launcher stopped", once: true, want: ofWaiting(nsenter.StageLauncher, "wait for READY"),
		fails: func(t *testing.T, _ starter, want *whole) error {
			l := newLauncher(t)
			want.says = append(want.says, fmt.Sprintf("process %d is stopped", l.PID()))
			signalLauncher(t, l, unix.SIGSTOP)
			cmd := l.Command(nil, "/bin/true")
			cmd.StartTimeout = timeout
			return cmd.Run()
		}},
	{name: "launcher too slow", once: true,
		want: whole{refusal: refusal{stage: nsenter.StageLauncher, op: "start launcher", is: os.ErrDeadlineExceeded}, says: []string{"LauncherTimeout has passed"}},
		fails: func(*testing.T, starter, *whole) error {
			return errorOf(nsenter.NewLauncher(nsenter.LauncherTimeout(1)))
		}},
	{name: "launcher killed", once: true, want: whole{refusal: refusal{stage: nsenter.StageLauncher, op: "wait for READY"}, says: []string{"it was killed by SIGKILL"}},
		fails: func(t *testing.T, _ starter, _ *whole) error {
			l := newLauncher(t)
			signalLauncher(t, l, unix.SIGSTOP)
			var killer sync.WaitGroup
			killer.Go(func() {
				for !l.HasCall() {
					time.Sleep(time.Millisecond)
				}
				signalLauncher(t, l, unix.SIGKILL)
			})
			defer killer.Wait()
			return l.Command(nil, "/bin/true").Run()
		}},
}

func root(t *testing.T) bool {
	t.Helper()
	testutil.NeedRoot(t)
	return true
}

// intoFrozen puts the payload into the cgroup of a target that is frozen, by a file that may hold two words.
func intoFrozen(file, frozen, thawed string, parents ...string) func(*testing.T, starter, *whole) error {
	return func(t *testing.T, command starter, want *whole) error {
		group := newGroup(t, file, parents...)
		target := testutil.Target(t, testutil.PrivilegedTypes)
		write := func(word string) {
			if err := os.WriteFile(filepath.Join(group, file), []byte(word), 0); err != nil {
				t.Error(err)
			}
		}
		if err := moveTo([]string{group}, target.PID); err != nil {
			t.Fatal(err)
		}
		write(frozen)
		payload := 0
		cmd := command(nil, "/bin/true")
		cmd.StartTimeout = timeout
		cmd.BeforeExec = func(pid int) error {
			payload = pid
			want.says = append(want.says, fmt.Sprintf("process %d is frozen in the cgroup %s", pid, group))
			return moveTo([]string{group}, pid)
		}
		err := cmd.Run()
		write(thawed)
		testutil.Eventually(t, "end of the payload", func() bool { return unix.Kill(payload, 0) == unix.ESRCH })
		target.Kill()
		return err
	}
}
