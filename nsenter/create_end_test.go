//go:build linux && cgo

package nsenter_test

import (
	"errors"
	"fmt"
	"io"
	"math/rand/v2"
	"os"
	"os/exec"
	"path/filepath"
	"runtime"
	"strings"
	"syscall"
	"testing"
	"time"

	"golang.org/x/sys/unix"

	"nsexec/internal/testutil"
	"nsexec/ns"
	"nsexec/nsenter"
)

func init() {
	// lasting starts a payload that dies with it, says its pid, and waits to be killed.
	zoo["lasting"] = func([]string) error {
		cmd := creating(ns.PID, "sleep 60")
		cmd.KillOnExit = true
		if err := cmd.Start(); err != nil {
			return err
		}
		fmt.Println(cmd.Process.Pid)
		select {}
	}
	// asking is lasting with a program that is asked to end, and says so in a file.
	zoo["asking"] = func(arg []string) error {
		cmd := creating(ns.PID, "trap 'echo asked >"+arg[0]+"; exit' TERM; echo 1; while :; do sleep 0.01; done")
		cmd.KillOnExit, cmd.KillSignal = true, syscall.SIGTERM
		cmd.Init = arg[1] == "init"
		stdout, err := cmd.StdoutPipe()
		if err != nil {
			return err
		}
		if err := cmd.Start(); err != nil {
			return err
		}
		if _, err := stdout.Read(make([]byte, 2)); err != nil {
			return err
		}
		fmt.Println(cmd.Process.Pid)
		select {}
	}
	// creates makes everything new, again and again.
	zoo["creates"] = func(arg []string) error {
		return callAgain(arg, func(*ns.Set) *nsenter.Cmd { return creating(ns.All, "true") })
	}
}

func TestKillOnExit(t *testing.T) {
	killCallerOf(t, zooCommand("lasting"))
}

// killCallerOf kills a program that has said the pid of its payload, which must end then.
func killCallerOf(t *testing.T, cmd *exec.Cmd) {
	t.Helper()
	cmd.Stderr = os.Stderr
	stdout, err := cmd.StdoutPipe()
	if err != nil {
		t.Fatal(err)
	}
	if err := cmd.Start(); err != nil {
		t.Fatal(err)
	}
	pid := readPID(t, stdout)
	if testutil.IsGone(pid) {
		t.Error("the payload is gone before its caller")
	}
	_ = cmd.Process.Kill()
	_ = cmd.Wait()
	testutil.Eventually(t, "end of the payload", func() bool { return testutil.IsGone(pid) })
}

// Another signal than SIGKILL is the program's to act on, also where an init hands it on.
func TestKillSignal(t *testing.T) {
	for _, way := range []string{"as process 1", "init"} {
		t.Run(way, func(t *testing.T) {
			said := filepath.Join(worldDir(t), "said")
			killCallerOf(t, zooCommand("asking", said, way))
			if text, err := os.ReadFile(said); string(text) != "asked\n" {
				t.Errorf("the program said %q, %v", text, err)
			}
		})
	}
}

func TestKillSignalRefused(t *testing.T) {
	baseline(t)
	for _, sig := range []os.Signal{syscall.Signal(0), syscall.Signal(-1), syscall.Signal(500)} {
		cmd := creating(0, "true")
		cmd.KillOnExit, cmd.KillSignal = true, sig
		wantRefused(t, cmd, nsenter.StageCaller, syscall.EINVAL, "set KillSignal")
	}
	cmd := creating(0, "true")
	cmd.KillSignal = syscall.SIGTERM
	wantRefused(t, cmd, nsenter.StageCaller, nil, "KillOnExit is not asked for")
}

// The signal is tied to a thread in the kernel, and Go ends those as it likes.
func TestKillOnExitOutlivesThread(t *testing.T) {
	bothWays(t, func(t *testing.T, command starter) {
		for _, types := range []ns.Type{0, ns.PID} {
			cmd := command(nil, "/bin/sh", "-c", "read line; exit 4")
			addNew(cmd, types)
			cmd.KillOnExit = true
			_, stdin := pipes(t, cmd)
			if err := startOnEndingThread(t, cmd); err != nil {
				t.Fatal(err)
			}
			_, _ = io.WriteString(stdin, "\n")
			wantExit(t, cmd.Wait(), 4)
		}
	})
}

// startOnEndingThread returns when the thread that has started the payload is no more.
func startOnEndingThread(t *testing.T, cmd *nsenter.Cmd) error {
	t.Helper()
	started := make(chan error)
	var tid int
	go func() {
		runtime.LockOSThread() // and never unlocked: the thread ends with the goroutine
		tid = unix.Gettid()
		started <- cmd.Start()
	}()
	err := <-started
	if tid != os.Getpid() {
		testutil.Eventually(t, "end of the thread", func() bool {
			_, err := os.Stat(fmt.Sprintf("/proc/self/task/%d", tid))
			return errors.Is(err, os.ErrNotExist)
		})
	}
	return err
}

// onThrowawayThread runs fn on a thread that ends with it. Go parks the main
// thread instead of ending it, so that one is held until another has been found.
func onThrowawayThread(fn func()) {
	go func() {
		runtime.LockOSThread() // and never unlocked: the thread ends with the goroutine
		if unix.Gettid() != os.Getpid() {
			fn()
			return
		}
		defer runtime.UnlockOSThread()
		done := make(chan struct{})
		onThrowawayThread(func() {
			defer close(done)
			fn()
		})
		<-done
	}()
}

// The payload would be in the namespaces of another thread than the caller's.
func TestKillOnExitOnThreadThatHasMoved(t *testing.T) {
	if testutil.Who() == testutil.User {
		testutil.Skip(t, "needs root of a user namespace: a thread cannot leave a namespace without privileges")
	}
	baseline(t)
	refused := make(chan error)
	onThrowawayThread(func() {
		if err := unix.Unshare(unix.CLONE_NEWUTS | unix.CLONE_NEWIPC); err != nil {
			refused <- err
			return
		}
		free := creating(0, "true")
		cmd := creating(0, "true")
		cmd.KillOnExit = true
		refused <- errors.Join(free.Run(), cmd.Run())
	})
	err := <-refused
	var e *nsenter.Error
	if !errors.As(err, &e) || e.Op != "set KillOnExit" || !strings.Contains(e.Error(), "ipc and uts namespaces") {
		t.Errorf("error is %v", err)
	}
}

// Whenever it is given up, nothing is left: neither stage 0, nor its helpers, nor a payload.
func TestCreateGivenUp(t *testing.T) {
	if !alone(t) {
		return
	}
	beSubreaper(t)
	baseline(t)
	late := 0
	for i := range 60 {
		cmd := creating(ns.All, "true")
		cmd.StartTimeout = time.Duration(i) * 100 * time.Microsecond
		if err := cmd.Run(); errors.Is(err, os.ErrDeadlineExceeded) {
			late++
		} else if err != nil {
			t.Errorf("after %v: %v", cmd.StartTimeout, err)
		}
		reapAll(t)
	}
	if late == 0 {
		t.Error("none was given up")
	}
}

func beSubreaper(t *testing.T) {
	t.Helper()
	if err := unix.Prctl(unix.PR_SET_CHILD_SUBREAPER, 1, 0, 0, 0); err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() { _ = unix.Prctl(unix.PR_SET_CHILD_SUBREAPER, 0, 0, 0, 0) })
}

func TestCallerKilledDuringCreate(t *testing.T) {
	if !alone(t) {
		return
	}
	killCallers(t, "creates", 60, func() time.Duration { return rand.N(8 * time.Millisecond) })
}
