//go:build linux && cgo

package nsenter_test

import (
	"errors"
	"fmt"
	"math/rand/v2"
	"os"
	"os/signal"
	"runtime"
	"sync"
	"syscall"
	"testing"
	"time"

	"golang.org/x/sys/unix"

	"nsexec/internal/testutil"
	"nsexec/ns"
	"nsexec/nsenter"
)

func init() {
	// launcher caller has one, says its pid, and ends in the way that its argument says.
	zoo["launcher caller"] = launcherCaller
	// launcher interrupted catches signals, and has it started a payload after them that has none blocked.
	zoo["launcher interrupted"] = launcherInterrupted
	// launches is starts, by a launcher; and so on.
	zoo["launches"] = byLauncher(func(cmd *nsenter.Cmd) { cmd.Path, cmd.Args = "/bin/true", nil })
	zoo["launcher holds"] = byLauncher(func(cmd *nsenter.Cmd) { cmd.BeforeExec = held(0)(nil).BeforeExec })
	zoo["launcher stops"] = byLauncher(func(cmd *nsenter.Cmd) { cmd.BeforeExec = held(syscall.SIGSTOP)(nil).BeforeExec })
}

func byLauncher(change func(*nsenter.Cmd)) func(arg []string) error {
	return func(arg []string) error {
		start := sync.OnceValues(func() (*nsenter.Launcher, error) { return nsenter.NewLauncher() })
		return callAgain(arg, func(set *ns.Set) *nsenter.Cmd {
			l, err := start()
			if err != nil {
				return &nsenter.Cmd{Err: err}
			}
			cmd := l.Command(set, "/bin/sleep", "1000")
			cmd.StartTimeout = -1
			change(cmd)
			return cmd
		})
	}
}

func launcherCaller(arg []string) error {
	l, err := nsenter.NewLauncher()
	if err != nil {
		return err
	}
	if err := l.Command(nil, "/bin/true").Run(); err != nil {
		return err
	}
	fmt.Println(l.PID())
	switch arg[0] {
	case "exit":
		return nil
	case "panic":
		panic("on purpose")
	case "exec":
		return syscall.Exec("/bin/sleep", []string{"sleep", "60"}, nil)
	}
	select {}
}

// It ends with its caller, however that ends.
func TestLauncherEndsWithItsCaller(t *testing.T) {
	for _, how := range []string{"exit", "exec", "kill", "term"} {
		t.Run(how, func(t *testing.T) {
			caller, launcher := startSaying(t, "launcher caller", how)
			if sig := map[string]os.Signal{"kill": os.Kill, "term": syscall.SIGTERM}[how]; sig != nil {
				if testutil.IsGone(launcher) {
					t.Error("the launcher is gone before its caller")
				}
				_ = caller.Process.Signal(sig)
			}
			testutil.Eventually(t, "end of the launcher", func() bool { return testutil.IsGone(launcher) })
		})
	}
}

// A caller that is killed at any time leaves nothing that it has not released, and no second main.
func TestLaunchersCallerKilled(t *testing.T) {
	if !alone(t) {
		return
	}
	n := 200
	if testing.Short() {
		n = 40
	}
	killCallers(t, "launches", n, func() time.Duration { return rand.N(10 * time.Millisecond) })
}

func TestLaunchersCallerKilledBeforeExec(t *testing.T) {
	if !alone(t) {
		return
	}
	killCallers(t, "launcher holds", 10, func() time.Duration { return 30 * time.Millisecond })
}

func TestLaunchersCallerKilledWhilePayloadIsStopped(t *testing.T) {
	if !alone(t) {
		return
	}
	killCallers(t, "launcher stops", 10, func() time.Duration { return 30 * time.Millisecond })
}

// terminalSignals are what a terminal sends to a process group.
var terminalSignals = []os.Signal{unix.SIGINT, unix.SIGQUIT, unix.SIGTSTP, unix.SIGHUP, unix.SIGTTIN, unix.SIGTTOU, unix.SIGTERM}

func launcherInterrupted([]string) error {
	caught := make(chan os.Signal, len(terminalSignals))
	signal.Notify(caught, terminalSignals...)
	l, err := nsenter.NewLauncher()
	if err != nil {
		return err
	}
	pid := l.PID()
	fmt.Println(pid)
	for range terminalSignals {
		<-caught
	}
	err = compareHeritage("by a launcher", heritage(&way{launcher: l}), heritage(throughExec))
	if l.PID() != pid || testutil.IsGone(pid) {
		err = errors.Join(err, fmt.Errorf("the launcher was %d, and is %d", pid, l.PID()))
	}
	return err
}

// ^C is for the process group. The launcher lives on, and has handed nothing of it to its payloads.
func TestLauncherSurvivesSignalsOfTheTerminal(t *testing.T) {
	caller, launcher := startSaying(t, "launcher interrupted")
	if group, err := unix.Getpgid(launcher); err != nil || group != caller.Process.Pid {
		t.Errorf("the launcher is in group %d (%v), want %d", group, err, caller.Process.Pid)
	}
	for _, sig := range terminalSignals {
		if err := syscall.Kill(-caller.Process.Pid, sig.(syscall.Signal)); err != nil {
			t.Fatal(err)
		}
	}
	if err := caller.Wait(); err != nil {
		t.Error(err)
	}
}

// Threads end as Go likes, and a parent-death signal would come from whichever has forked the launcher.
func TestLauncherOutlivesThread(t *testing.T) {
	baseline(t)
	started := make(chan *nsenter.Launcher)
	tid := 0
	onThrowawayThread(func() {
		tid = unix.Gettid()
		l, err := nsenter.NewLauncher()
		if err != nil {
			t.Error(err)
		}
		started <- l
	})
	l := <-started
	if l == nil {
		return
	}
	defer l.Close()
	pid := l.PID()
	testutil.Eventually(t, "end of the thread", func() bool {
		_, err := os.Stat(fmt.Sprintf("/proc/self/task/%d", tid))
		return errors.Is(err, os.ErrNotExist)
	})
	cmd := l.Command(nil, "/bin/sh", "-c", "read line; exit 4")
	cmd.KillOnExit = true
	_, stdin := pipes(t, cmd)
	startedToo := make(chan error)
	go func() {
		runtime.LockOSThread() // and never unlocked: the thread ends with the goroutine
		startedToo <- cmd.Start()
	}()
	if err := <-startedToo; err != nil {
		t.Fatal(err)
	}
	time.Sleep(10 * time.Millisecond)
	_, _ = stdin.Write([]byte("\n"))
	wantExit(t, cmd.Wait(), 4)
	if l.PID() != pid {
		t.Errorf("the launcher was %d, and is %d", pid, l.PID())
	}
}
