//go:build linux && cgo

package nsenter_test

import (
	"bytes"
	"errors"
	"fmt"
	"io"
	"os"
	"os/exec"
	"os/signal"
	"runtime"
	"strings"
	"sync/atomic"
	"syscall"
	"testing"
	"time"

	"nsexec/internal/testutil"
	"nsexec/nsenter"
)

func init() {
	addParityZoo(map[string]func([]string) error{
		"count SIGCHLD": countSIGCHLD,
	})
}

// Process is the program itself: signals reach it, and it is our child.
func TestParitySignals(t *testing.T) {
	everyWay(t, func(t *testing.T, w *way) {
		c := w.shell(`trap 'echo caught; exit 5' USR1; echo ready; while :; do sleep 0.01; done`)
		stdout := pipe(t, c.StdoutPipe)
		mustStart(t, c)
		if _, err := io.ReadFull(stdout, make([]byte, 6)); err != nil {
			t.Fatal(err)
		}
		if got := parentOf(t, (*c.Process).Pid); got != os.Getpid() {
			t.Errorf("its parent is %d, we are %d", got, os.Getpid())
		}
		if err := (*c.Process).Signal(syscall.Signal(0)); err != nil {
			t.Errorf("signal 0: %v", err)
		}
		if err := (*c.Process).Signal(syscall.SIGUSR1); err != nil {
			t.Error(err)
		}
		if text, _ := io.ReadAll(stdout); string(text) != "caught\n" {
			t.Errorf("it said %q", text)
		}
		wantExit(t, c.Wait(), 5)
		if err := (*c.Process).Signal(syscall.SIGUSR1); !errors.Is(err, os.ErrProcessDone) {
			t.Errorf("signal after its end: %v", err)
		}
		if err := (*c.Process).Kill(); !errors.Is(err, os.ErrProcessDone) {
			t.Errorf("kill after its end: %v", err)
		}
	})
}

func parentOf(t *testing.T, pid int) (parent int) {
	t.Helper()
	status, err := os.ReadFile(fmt.Sprintf("/proc/%d/status", pid))
	if err != nil {
		t.Fatal(err)
	}
	_, rest, _ := strings.Cut(string(status), "\nPPid:")
	if _, err := fmt.Sscan(rest, &parent); err != nil {
		t.Fatal(err)
	}
	return parent
}

// A program that is stopped has not ended.
func TestParityStopped(t *testing.T) {
	everyWay(t, func(t *testing.T, w *way) {
		c, stdin, _ := talking(t.Context(), t, w, nil)
		if err := (*c.Process).Signal(syscall.SIGSTOP); err != nil {
			t.Fatal(err)
		}
		waited := make(chan error, 1)
		go func() { waited <- c.Wait() }()
		select {
		case err := <-waited:
			t.Fatalf("Wait returns %v for a stopped program", err)
		case <-time.After(20 * time.Millisecond):
		}
		if err := (*c.Process).Signal(syscall.SIGCONT); err != nil {
			t.Error(err)
		}
		stdin.Close()
		if err := <-waited; err != nil {
			t.Error(err)
		}
	})
}

func TestParityKillDuringWait(t *testing.T) {
	everyWay(t, func(t *testing.T, w *way) {
		c, _, _ := talking(t.Context(), t, w, nil)
		time.AfterFunc(5*time.Millisecond, func() { _ = (*c.Process).Kill() })
		wantKilled(t, c)
	})
}

// A program that was given up goes on, and what became of it is no longer told.
func TestParityReleased(t *testing.T) {
	everyWay(t, func(t *testing.T, w *way) {
		c, stdin, stdout := talking(t.Context(), t, w, nil)
		pid := (*c.Process).Pid
		if err := (*c.Process).Release(); err != nil {
			t.Fatal(err)
		}
		stdin.Close()
		if rest, err := io.ReadAll(stdout); len(rest) > 0 || err != nil {
			t.Errorf("%q, %v", rest, err)
		}
		wantWait(t, c, syscall.EINVAL)
		if w.exec {
			_, _ = syscall.Wait4(pid, nil, 0, nil)
			return
		}
		// A zombie would keep its pid namespace from ending.
		testutil.Eventually(t, "it is reaped", func() bool {
			_, err := os.Stat(fmt.Sprintf("/proc/%d", pid))
			return err != nil
		})
	})
}

// A program does not die with the thread that started it.
func TestParityOutlivesThread(t *testing.T) {
	everyWay(t, func(t *testing.T, w *way) {
		c := w.zoo("cat")
		stdin, stdout := pipe(t, c.StdinPipe), pipe(t, c.StdoutPipe)
		started, tid := make(chan error), 0
		go func() {
			runtime.LockOSThread() // and never unlocked: the thread ends with the goroutine
			tid = syscall.Gettid()
			started <- c.Start()
		}()
		if err := <-started; err != nil {
			t.Fatal(err)
		}
		task := fmt.Sprintf("/proc/self/task/%d", tid)
		for deadline := time.Now().Add(2 * time.Second); tid != os.Getpid(); time.Sleep(time.Millisecond) {
			if _, err := os.Stat(task); err != nil {
				break
			}
			if time.Now().After(deadline) {
				t.Fatal("the thread does not end")
			}
		}
		_, _ = io.WriteString(stdin, "alive")
		stdin.Close()
		if text, err := io.ReadAll(stdout); string(text) != "alive" || err != nil {
			t.Errorf("%q, %v", text, err)
		}
		if err := c.Wait(); err != nil {
			t.Error(err)
		}
	})
}

// With its stdin at the end, a program that waits for nothing else ends soon.
func TestParityEndsWithStdin(t *testing.T) {
	everyWay(t, func(t *testing.T, w *way) {
		for name, stdin := range map[string]io.Reader{"none": nil, "empty": bytes.NewReader(nil)} {
			c := w.zoo("cat")
			*c.Stdin = stdin
			begin := time.Now()
			if err := c.Run(); err != nil || time.Since(begin) > 5*time.Second {
				t.Errorf("stdin %s: %v after %v", name, err, time.Since(begin))
			}
		}
	})
}

// inherited is what a program has of its caller beside files and environment, and what a stage could leave behind: limits, mask
// of files, priority, signals, groups of processes, parent, capabilities, securebits, the signal for its parent's death.
const inherited = `ulimit -a; ulimit -Ha; umask; nice; cat /proc/self/oom_score_adj
while read key value; do
	case $key in SigBlk:|SigIgn:|SigCgt:|Cap*:|NoNewPrivs:|Seccomp:|Cpus_allowed:|Uid:|Gid:|Groups:) echo $key $value;; esac
done </proc/self/status
read pid comm state parent group session terminal rest </proc/self/stat
echo $parent $group $session $terminal
test -t 0 || echo no terminal`

func TestParityInherited(t *testing.T) {
	want, err := throughExec.shell(inherited).Output()
	if err != nil {
		t.Fatal(describe(err))
	}
	got, err := throughNsenter.shell(inherited).Output()
	if err != nil {
		t.Fatal(describe(err))
	}
	if !bytes.Equal(got, want) {
		t.Errorf("got:\n%s\nthrough os/exec:\n%s", got, want)
	}
}

// One child, one SIGCHLD, in a program that had none before.
func TestParityOneSIGCHLD(t *testing.T) {
	for _, through := range []string{"os/exec", "nsenter"} {
		if out, err := throughExec.zoo("count SIGCHLD", through).CombinedOutput(); err != nil {
			t.Errorf("through %s: %v: %s", through, err, out)
		}
	}
}

func countSIGCHLD(arg []string) error {
	var count atomic.Int32
	signals := make(chan os.Signal, 16)
	signal.Notify(signals, syscall.SIGCHLD)
	go func() {
		for range signals {
			count.Add(1)
		}
	}()
	run := exec.Command("/bin/sleep", "0.1").Run
	if arg[0] == "nsenter" {
		run = nsenter.Command(nil, "/bin/sleep", "0.1").Run
	}
	if err := run(); err != nil {
		return err
	}
	time.Sleep(50 * time.Millisecond)
	if n := count.Load(); n != 1 {
		return fmt.Errorf("%d signals", n)
	}
	return nil
}
