//go:build linux && cgo

package nsenter_test

import (
	"errors"
	"fmt"
	"os"
	"os/exec"
	"path/filepath"
	"strings"
	"sync"
	"syscall"
	"testing"
	"time"

	"golang.org/x/sys/unix"

	"nsexec/internal/testutil"
	"nsexec/ns"
	"nsexec/nsenter"
)

// A snail is a payload that is held up somewhere on its way. It sends its pid when it is.
type snail func(cmd *nsenter.Cmd, stuck chan<- int)

// snailInBeforeExec waits with the caller.
func snailInBeforeExec(cmd *nsenter.Cmd, stuck chan<- int) {
	cmd.BeforeExec = func(pid int) error {
		stuck <- pid
		time.Sleep(2 * time.Second)
		return nil
	}
}

// snailStopped is stopped by somebody before it can execute its program.
func snailStopped(cmd *nsenter.Cmd, stuck chan<- int) {
	cmd.BeforeExec = func(pid int) error {
		err := syscall.Kill(pid, syscall.SIGSTOP)
		stuck <- pid
		return err
	}
}

// snailAsStage0 is stopped as soon as there is anything to stop.
func snailAsStage0(cmd *nsenter.Cmd, stuck chan<- int) {
	var once sync.Once
	cmd.Trace = func(step nsenter.Step) {
		once.Do(func() {
			_ = syscall.Kill(step.PID, syscall.SIGSTOP)
			stuck <- step.PID
		})
	}
}

// checkPassed starts a snail, and overtakes it with many others. Then it is let go, and has done no harm.
func checkPassed(t *testing.T, l *nsenter.Launcher, set *ns.Set, slow snail, letGo func(pid int)) {
	t.Helper()
	cmd := l.Command(set, "/bin/true")
	stuck, ended := make(chan int, 1), make(chan error, 1)
	slow(cmd, stuck)
	go func() { ended <- cmd.Run() }()
	pid, launcher := <-stuck, l.PID()
	for range 30 {
		begun := time.Now()
		runs(t, l, set)
		if took := time.Since(begun); took > testutil.Bound(time.Second) {
			t.Errorf("another took %v", took)
		}
	}
	select {
	case err := <-ended:
		t.Errorf("it was not slow: %v", err)
		return
	default:
	}
	letGo(pid)
	if err := <-ended; err != nil {
		t.Errorf("the slow one: %v", err)
	}
	if l.PID() != launcher {
		t.Errorf("the launcher was %d, and is %d", launcher, l.PID())
	}
}

func TestLauncherPassesSlowPayloads(t *testing.T) {
	baseline(t)
	l := newLauncher(t)
	goOn := func(pid int) { _ = syscall.Kill(pid, syscall.SIGCONT) }
	for name, slow := range map[string]snail{"BeforeExec": snailInBeforeExec, "stopped": snailStopped} {
		t.Run(name, func(t *testing.T) {
			everywhere(t, func(t *testing.T, set *ns.Set) { checkPassed(t, l, set, slow, goOn) })
		})
	}
	t.Run("stage 0", func(t *testing.T) {
		for _, set := range placesToEnter(t)[:2] { // where it does not end as soon as it has spoken
			checkPassed(t, l, set, snailAsStage0, goOn)
		}
	})
}

// A target may freeze its cgroup at any time, with the payload in it.
func TestLauncherPassesFrozenPayload(t *testing.T) {
	testutil.NeedRoot(t)
	baseline(t)
	l := newLauncher(t)
	everywhere(t, func(t *testing.T, set *ns.Set) {
		group := freezer(t)
		slow := func(cmd *nsenter.Cmd, stuck chan<- int) {
			cmd.BeforeExec = func(pid int) error {
				err := errors.Join(group.add(pid), group.freeze(true))
				stuck <- pid
				return err
			}
		}
		checkPassed(t, l, set, slow, func(int) {
			if err := group.freeze(false); err != nil {
				t.Error(err)
			}
		})
	})
}

// freezable is a cgroup of version 1 or 2.
type freezable struct{ dir, file, frozen, thawed string }

func (g *freezable) add(pid int) error {
	return os.WriteFile(filepath.Join(g.dir, "cgroup.procs"), fmt.Append(nil, pid), 0)
}

func (g *freezable) freeze(on bool) error {
	value := g.thawed
	if on {
		value = g.frozen
	}
	return os.WriteFile(filepath.Join(g.dir, g.file), []byte(value), 0)
}

// freezer makes one, which is thawed and removed with the test.
func freezer(t *testing.T) *freezable {
	t.Helper()
	for _, g := range []freezable{
		{"/sys/fs/cgroup", "cgroup.freeze", "1", "0"},
		{"/sys/fs/cgroup/unified", "cgroup.freeze", "1", "0"},
		{"/sys/fs/cgroup/freezer", "freezer.state", "FROZEN", "THAWED"},
	} {
		if g.dir = groupIn(t, g.dir, g.file); g.dir != "" {
			t.Cleanup(func() { _ = g.freeze(false) })
			return &g
		}
	}
	testutil.Skip(t, "no cgroup that can be frozen can be made here")
	return nil
}

// Payload and launcher may be one to the kernel's OOM killer if they share more than they should.
func TestLauncherSurvivesOOMOfPayload(t *testing.T) {
	testutil.NeedRoot(t)
	baseline(t)
	l := newLauncher(t)
	everywhere(t, func(t *testing.T, set *ns.Set) {
		launcher, before := l.PID(), procText(t, l.PID(), "oom_score_adj")
		group := memoryGroup(t, 32<<20)
		payload := 0
		cmd := l.Command(set, "/bin/true")
		cmd.BeforeExec = func(pid int) error {
			payload = pid
			return runOutOfMemory(group, pid)
		}
		var e *nsenter.Error
		if err := cmd.Run(); !errors.As(err, &e) || e.Stage != nsenter.StagePayload {
			t.Errorf("error is %v", err)
		}
		if !testutil.IsGone(payload) || l.PID() != launcher || testutil.IsGone(launcher) {
			t.Errorf("payload %d gone: %v; launcher %d, now %d", payload, testutil.IsGone(payload), launcher, l.PID())
		}
		if now := procText(t, launcher, "oom_score_adj"); now != before {
			t.Errorf("the launcher's OOM score was adjusted by %q, and is by %q", before, now)
		}
		runs(t, l, set)
		if l.PID() != launcher {
			t.Error("the launcher has been started again")
		}
	})
}

// runOutOfMemory makes a process the first that its cgroup kills for memory, and has another use up all there is.
func runOutOfMemory(group string, pid int) error {
	procs := filepath.Join(group, "cgroup.procs")
	first := os.WriteFile(fmt.Sprintf("/proc/%d/oom_score_adj", pid), []byte("1000"), 0)
	if err := errors.Join(first, os.WriteFile(procs, fmt.Append(nil, pid), 0)); err != nil {
		return err
	}
	hog := exec.Command("/bin/sh", "-c", `echo $$ >"$0" && exec head -c 256M /dev/zero | tail`, procs)
	out, err := hog.CombinedOutput()
	if err == nil {
		return fmt.Errorf("256 MiB fit into %s: %s", group, strings.TrimSpace(string(out)))
	}
	if syscall.Kill(pid, 0) == nil && !testutil.IsGone(pid) {
		return fmt.Errorf("process %d has survived: %w", pid, unix.EEXIST)
	}
	return nil
}
