//go:build linux && cgo

package nsenter_test

import (
	"context"
	"errors"
	"fmt"
	"os"
	"os/exec"
	"slices"
	"syscall"
	"testing"

	"nsexec/internal/testutil"
	"nsexec/ns"
	"nsexec/nsenter"
)

func init() {
	// launcher lasting starts by a launcher a payload that dies with it, says its pid, and waits to be killed.
	zoo["launcher lasting"] = func([]string) error {
		l, err := nsenter.NewLauncher()
		if err != nil {
			return err
		}
		like := creating(ns.PID, "sleep 60")
		cmd := l.Command(nil, like.Path, like.Args[1:]...)
		cmd.Unshare, cmd.New, cmd.KillOnExit = like.Unshare, like.New, true
		if err := cmd.Start(); err != nil {
			return err
		}
		fmt.Println(cmd.Process.Pid)
		select {}
	}
}

func TestLauncherKillsOnExit(t *testing.T) {
	caller, pid := startSaying(t, "launcher lasting")
	if testutil.IsGone(pid) {
		t.Error("the payload is gone before its caller")
	}
	_ = caller.Process.Kill()
	_ = caller.Wait()
	testutil.Eventually(t, "end of the payload", func() bool { return testutil.IsGone(pid) })
}

// startSaying starts a program of the zoo, and reads the number that it says. It ends with the test.
func startSaying(t testing.TB, name string, arg ...string) (cmd *exec.Cmd, said int) {
	t.Helper()
	cmd = exec.Command(zooBinary, arg...)
	cmd.Env = zooEnv(name)
	cmd.Stderr = os.Stderr
	cmd.SysProcAttr = &syscall.SysProcAttr{Setpgid: true}
	stdout, err := cmd.StdoutPipe()
	if err != nil {
		t.Fatal(err)
	}
	if err := cmd.Start(); err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() { _ = cmd.Process.Kill(); _ = cmd.Wait() })
	return cmd, readPID(t, stdout)
}

func TestLauncherRunsFunc(t *testing.T) {
	l := newLauncher(t)
	tell := nsenter.TypedFunc[struct{}, whereabouts]{Func: l.Func(tellWhere.Func)}
	for name, types := range map[string]ns.Type{"uts": ns.UTS, "pid": ns.PID, "all": ns.All} {
		t.Run(name, func(t *testing.T) {
			target := testutil.Target(t, uint64(types))
			set := setOf(t, target.PID, ns.Type(target.Types))
			w, err := tell.Call(t.Context(), set, struct{}{})
			if err != nil {
				t.Fatal(err)
			}
			checkInodes(t, w.Inodes, testutil.Namespaces(t, target.PID))
			checkInodes(t, where(t, tell.Command(t.Context(), set, []byte("{}"))).Inodes, w.Inodes)
		})
	}
}

// A function is its caller's own child, and has what the caller gives it.
func TestLauncherFuncIsChild(t *testing.T) {
	l := newLauncher(t)
	t.Setenv("LAUNCHER_TEST", "set after the launcher was started")
	w := where(t, l.Func(tellWhere.Func).Command(t.Context(), nil, []byte("{}")))
	dir, err := os.Getwd()
	if err != nil {
		t.Fatal(err)
	}
	if w.PPID != os.Getpid() || w.Dir != dir {
		t.Errorf("parent %d, directory %s; want %d, %s", w.PPID, w.Dir, os.Getpid(), dir)
	}
	want := where(t, tellingWhere(t))
	if !slices.Equal(w.Env, want.Env) || len(w.Files) != len(want.Files) {
		t.Errorf("by a launcher:\n%v\n%v\nwithout:\n%v\n%v", w.Env, w.Files, want.Env, want.Files)
	}
	p := enter(t, l.Func(waitLikeAShell).Command(t.Context(), nil, nil))
	checkIdentity(t, p)
	p.end(t)
}

func TestLauncherBeforeExec(t *testing.T) {
	baseline(t)
	l := newLauncher(t)
	everywhere(t, func(t *testing.T, set *ns.Set) {
		no := errors.New("no")
		var payload int
		cmd := l.Command(set, "/bin/sleep", "1000")
		cmd.BeforeExec = func(pid int) error {
			if payload = pid; cmd.Process == nil || cmd.Process.Pid != pid || testutil.IsGone(pid) {
				t.Errorf("Process is %v, pid %d", cmd.Process, pid)
			}
			return no
		}
		checkRefusal(t, cmd, refusal{stage: nsenter.StagePayload, is: no})
		if !testutil.IsGone(payload) {
			t.Errorf("payload %d is still there", payload)
		}
	})
}

func TestLauncherCancelled(t *testing.T) {
	baseline(t)
	l := newLauncher(t)
	everywhere(t, func(t *testing.T, set *ns.Set) {
		ctx, cancel := context.WithCancel(context.Background())
		cmd := l.CommandContext(ctx, set, "/bin/sleep", "1000")
		cmd.BeforeExec = func(int) error { cancel(); return nil }
		checkRefusal(t, cmd, refusal{stage: nsenter.StagePayload, is: context.Canceled})
	})
}

// The steps are those of a one-shot, but for what is the launcher's and what saves a clone.
func TestLauncherTraces(t *testing.T) {
	baseline(t)
	l := newLauncher(t)
	everywhere(t, func(t *testing.T, set *ns.Set) {
		var steps []nsenter.Step
		cmd := l.Command(set, "/bin/true")
		cmd.Trace = func(step nsenter.Step) { steps = append(steps, step) }
		if err := cmd.Run(); err != nil {
			t.Fatal(err)
		}
		ops := make(map[string]nsenter.Step)
		for _, step := range steps {
			if step.Since <= 0 {
				t.Errorf("%+v is earlier than Start", step)
			}
			ops[step.Op] = step
		}
		for _, op := range []string{"receive request", "inherit", "place files", "exec"} {
			if _, ok := ops[op]; !ok {
				t.Errorf("no step %q in %v", op, steps)
			}
		}
		if last := steps[len(steps)-1]; last.Op != "exec" || last.PID != cmd.ProcessState.Pid() {
			t.Errorf("the last step is %+v; payload is %d", last, cmd.ProcessState.Pid())
		}
	})
}
