//go:build linux && cgo

package nsenter_test

import (
	"errors"
	"os"
	"path/filepath"
	"testing"

	"golang.org/x/sys/unix"

	"nsexec/internal/testutil"
	"nsexec/ns"
	"nsexec/nsenter"
)

// Whatever fails on the way says what a one-shot says, and the launcher goes on.
func TestLauncherSurvivesFailures(t *testing.T) {
	baseline(t)
	l := newLauncher(t)
	pid := l.PID()
	everywhere(t, func(t *testing.T, set *ns.Set) {
		for i := range 20 {
			var e, want *nsenter.Error
			err, oneShot := failing(l.Command, set, i).Run(), failing(nsenter.Command, set, i).Run()
			if !errors.As(err, &e) || !errors.As(oneShot, &want) {
				t.Fatalf("by a launcher: %v; without: %v", err, oneShot)
			}
			if i%5 != 4 && (e.Stage != want.Stage || e.Op != want.Op || e.Errno != want.Errno || e.Path != want.Path) {
				t.Errorf("by a launcher: %v; without: %v", err, oneShot)
			}
		}
		runs(t, l, set)
	})
	if l.PID() != pid {
		t.Errorf("the launcher was %d, and is %d", pid, l.PID())
	}
}

// A pid namespace whose first process is gone takes no other.
func TestLauncherSurvivesDeadNamespace(t *testing.T) {
	baseline(t)
	l := newLauncher(t)
	pid := l.PID()
	for _, types := range []ns.Type{ns.PID, ns.PID | ns.User} {
		target := testutil.Target(t, uint64(types))
		set := setOf(t, target.PID, ns.Type(target.Types))
		runs(t, l, set)
		target.Kill()
		for range 5 {
			var e *nsenter.Error
			if err := l.Command(set, "/bin/true").Run(); !errors.As(err, &e) || e.Errno == 0 {
				t.Errorf("error is %v", err)
			}
		}
		runs(t, l, nil)
	}
	if l.PID() != pid {
		t.Errorf("the launcher was %d, and is %d", pid, l.PID())
	}
}

// Without room for another process there is an error, and when there is room again there is none.
func TestLauncherSurvivesFailedClone(t *testing.T) {
	testutil.NeedRoot(t)
	baseline(t)
	l := newLauncher(t)
	pid := l.PID()
	everywhere(t, func(t *testing.T, set *ns.Set) {
		groups := smallGroup(t)
		limit := filepath.Join(groups[len(groups)-1], "pids.max")
		full := groups[len(groups)-1:]
		if err := errors.Join(moveTo(full, pid), os.WriteFile(limit, []byte("1"), 0)); err != nil {
			t.Fatal(err)
		}
		defer func() {
			if err := moveTo([]string{filepath.Dir(full[0])}, pid); err != nil {
				t.Error(err)
			}
			runs(t, l, set)
		}()
		wantRefused(t, l.Command(set, "/bin/true"), nsenter.StageLauncher, unix.EAGAIN, "clone")
	})
	if l.PID() != pid {
		t.Errorf("the launcher was %d, and is %d", pid, l.PID())
	}
}
