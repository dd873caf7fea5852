//go:build linux && cgo

package nsenter_test

import (
	"context"
	"errors"
	"fmt"
	"os"
	"syscall"
	"testing"
	"time"

	"golang.org/x/sys/unix"

	"nsexec/internal/testutil"
	"nsexec/ns"
	"nsexec/nsenter"
)

func TestStopBeforeExec(t *testing.T) {
	baseline(t)
	everywhere(t, func(t *testing.T, set *ns.Set) {
		cmd := nsenter.Command(set, "/bin/sleep", "1000")
		cmd.StartTimeout = timeout
		cmd.BeforeExec = func(pid int) error { return syscall.Kill(pid, syscall.SIGSTOP) }
		begun := time.Now()
		checkRefusal(t, cmd, refusal{stage: nsenter.StagePayload, is: os.ErrDeadlineExceeded, hint: "StartTimeout"})
		checkTime(t, begun, timeout, nil)
	})
}

// BeforeExec has all the time it wants, and the way from there to exec has as much as it had before.
func TestLongBeforeExec(t *testing.T) {
	baseline(t)
	everywhere(t, func(t *testing.T, set *ns.Set) {
		cmd := nsenter.Command(set, "/bin/true")
		cmd.StartTimeout = timeout
		cmd.BeforeExec = func(int) error { time.Sleep(2 * timeout); return nil }
		if err := cmd.Run(); err != nil {
			t.Error(err)
		}
	})
}

func TestCancelInBeforeExec(t *testing.T) {
	baseline(t)
	everywhere(t, func(t *testing.T, set *ns.Set) {
		ctx, cancel := context.WithCancel(context.Background())
		cmd := nsenter.CommandContext(ctx, set, "/bin/sleep", "1000")
		cmd.BeforeExec = func(int) error { cancel(); time.Sleep(10 * time.Millisecond); return nil }
		checkRefusal(t, cmd, refusal{stage: nsenter.StagePayload, is: context.Canceled})
	})
}

// A payload that is dying is not yet dead when its socket has closed: it frees its memory after that.
func TestSlowDeathBeforeExec(t *testing.T) {
	t.Run("here", slowDeathBeforeExec)
	t.Run("in a pid namespace of a user namespace", func(t *testing.T) {
		if os.Getenv(aloneVariable) == t.Name() { // there is a procfs that hides the dying
			slowDeathBeforeExec(t)
			return
		}
		aloneIn(t, []string{"unshare", "-Urpf", "--mount-proc"})
	})
}

func slowDeathBeforeExec(t *testing.T) {
	baseline(t)
	everywhere(t, func(t *testing.T, set *ns.Set) {
		for _, setsid := range []bool{false, true} {
			memory := fullMemory(t, 256<<20)
			cmd := nsenter.Command(set, "/bin/sleep", "1000")
			cmd.Setsid = setsid
			cmd.ExtraFiles = []*os.File{memory}
			cmd.BeforeExec = func(pid int) error {
				memory.Close() // so that the payload is the last to have it
				err := syscall.Kill(pid, syscall.SIGKILL)
				time.Sleep(5 * time.Millisecond) // GO comes when the socket has closed
				return err
			}
			checkRefusal(t, cmd, refusal{stage: nsenter.StagePayload, op: "exec", path: "/bin/sleep"})
		}
	})
}

// Whether a payload has executed is asked by something that could change its process group.
func TestHasExecuted(t *testing.T) {
	baseline(t)
	l := newLauncher(t) // whose payloads are forks
	group := unix.Getpgrp()
	ask := func(when string, pid int, want bool) {
		if got := nsenter.HasExecuted(pid); got != want {
			t.Errorf("%s: executed is %v", when, got)
		}
		if now, err := unix.Getpgid(pid); err != nil || now != group {
			t.Errorf("%s: group is %d (%v), was %d", when, now, err, group)
		}
	}
	cmd := l.Command(nil, "/bin/sleep", "1000")
	cmd.BeforeExec = func(pid int) error { ask("before exec", pid, false); return nil }
	if err := cmd.Start(); err != nil {
		t.Fatal(err)
	}
	ask("after Start", cmd.Process.Pid, true)
	_ = cmd.Process.Kill()
	_ = cmd.Wait()
}

// fullMemory is a file in memory, all of it there.
func fullMemory(t *testing.T, size int64) *os.File {
	t.Helper()
	fd, err := unix.MemfdCreate("full", unix.MFD_CLOEXEC)
	if err != nil {
		t.Fatal(err)
	}
	if err := unix.Fallocate(fd, 0, 0, size); err != nil {
		t.Fatal(err)
	}
	return os.NewFile(uintptr(fd), "full")
}

func TestErrorOfBeforeExec(t *testing.T) {
	baseline(t)
	everywhere(t, func(t *testing.T, set *ns.Set) {
		no := errors.New("no")
		var payload int
		cmd := nsenter.Command(set, "/bin/sleep", "1000")
		cmd.BeforeExec = func(pid int) error {
			if payload = pid; cmd.Process == nil || cmd.Process.Pid != pid {
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

func TestPanicInBeforeExec(t *testing.T) {
	baseline(t)
	everywhere(t, func(t *testing.T, set *ns.Set) {
		defer func() {
			if recover() != "no" {
				t.Error("the panic is lost")
			}
		}()
		cmd := nsenter.Command(set, "/bin/sleep", "1000")
		cmd.BeforeExec = func(int) error { panic("no") }
		_ = cmd.Start()
	})
}

// Until exec nobody may look into what the caller has prepared (CVE-2016-9962), not even who owns the process.
func TestPayloadIsNotDumpableBeforeExec(t *testing.T) {
	testutil.NeedUser(t) // root may look into everything
	everywhere(t, func(t *testing.T, set *ns.Set) {
		look := func(pid int) error {
			_, err := os.ReadFile(fmt.Sprintf("/proc/%d/environ", pid))
			return err
		}
		p := enter(t, nsenter.Command(set, "/bin/sh", "-c", sayPIDAndWait), func(pid int) error {
			if err := look(pid); !errors.Is(err, os.ErrPermission) {
				t.Errorf("before exec: %v", err)
			}
			return nil
		})
		if err := look(p.Process.Pid); err != nil {
			t.Errorf("after exec: %v", err)
		}
	})
}
