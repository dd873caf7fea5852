//go:build linux && cgo

package nsenter_test

import (
	"bytes"
	"context"
	"errors"
	"fmt"
	"io"
	"os"
	"os/exec"
	"os/signal"
	"path/filepath"
	"runtime"
	"strconv"
	"strings"
	"syscall"
	"testing"
	"time"

	"golang.org/x/sys/unix"

	"nsexec/internal/testutil"
	"nsexec/ns"
	"nsexec/nsenter"
)

// Every test here was a defect once.

func TestStartReturnsWhileTheProgramRuns(t *testing.T) {
	cmd := nsenter.Command(nil, "sleep", "60")
	begun := time.Now()
	if err := cmd.Start(); err != nil {
		t.Fatal(err)
	}
	if took := time.Since(begun); took > 10*time.Second {
		t.Errorf("Start took %v", took)
	}
	cmd.Process.Kill()
	cmd.Wait()
}

func TestIDsAreNotCutToSize(t *testing.T) {
	for _, credential := range []nsenter.Credential{
		{UID: 1 << 32}, {UID: 1<<32 - 1}, {UID: -2}, {GID: 1 << 32}, {GID: -2}, {Groups: []int{-1}}, {Groups: []int{1 << 32}},
	} {
		cmd := nsenter.Command(nil, "true")
		cmd.Credential = &credential
		if err := cmd.Run(); !errors.Is(err, syscall.EINVAL) {
			t.Errorf("%+v: %v", credential, err)
		}
	}
}

// A user namespace whose maps nobody has written yet.
func TestUserNamespaceWithoutMaps(t *testing.T) {
	target := exec.Command("cat")
	target.SysProcAttr = &syscall.SysProcAttr{Cloneflags: syscall.CLONE_NEWUSER}
	stdin, err := target.StdinPipe()
	if err != nil {
		t.Fatal(err)
	}
	if err := target.Start(); err != nil {
		testutil.Skipf(t, "cannot create a user namespace: %v", err)
	}
	defer target.Wait()
	defer stdin.Close()
	out, err := nsenter.Command(setOf(t, target.Process.Pid, ns.User), "readlink", "/proc/self/ns/user").Output()
	if err != nil {
		t.Fatal(err)
	}
	want, err := os.Readlink("/proc/" + strconv.Itoa(target.Process.Pid) + "/ns/user")
	if err != nil || strings.TrimSpace(string(out)) != want {
		t.Errorf("the payload is in %q instead of %q (%v)", out, want, err)
	}
}

func TestNoGoAfterTheContextIsDone(t *testing.T) {
	file := filepath.Join(t.TempDir(), "touched")
	for range 50 {
		ctx, cancel := context.WithCancel(context.Background())
		cmd := nsenter.CommandContext(ctx, nil, "touch", file)
		cmd.BeforeExec = func(int) error { cancel(); return nil }
		if err := cmd.Run(); !errors.Is(err, context.Canceled) {
			t.Fatal(err)
		}
	}
	time.Sleep(50 * time.Millisecond)
	if _, err := os.Stat(file); err == nil {
		t.Error("a program ran although its context was done before")
	}
}

func TestSetOutlivesItsProcess(t *testing.T) {
	target := testutil.Target(t, uint64(ns.User|ns.UTS|ns.IPC))
	set := setOf(t, target.PID, ns.Type(target.Types))
	want := set.Handle(ns.UTS).String()
	target.Kill()
	out, err := nsenter.Command(set, "readlink", "/proc/self/ns/uts").Output()
	if err != nil || strings.TrimSpace(string(out)) != want {
		t.Errorf("the payload is in %q instead of %q (%v)", out, want, err)
	}
}

func TestSuccessThatWasLostAndFound(t *testing.T) {
	cmd := exec.Command(zooBinary)
	cmd.Env = zooEnv("childless-caller")
	if out, err := cmd.StdoutPipe(); err != nil {
		t.Fatal(err)
	} else if err := cmd.Start(); err != nil {
		t.Fatal(err)
	} else if said, err := io.ReadAll(out); err != nil || len(said) > 0 {
		t.Errorf("%s (%v)", said, err)
	}
	cmd.Wait()
}

func init() {
	zoo["childless-caller"] = func([]string) error {
		signal.Ignore(syscall.SIGCHLD)
		var lost *nsenter.LostStatusError
		if err := nsenter.Command(nil, "true").Run(); err != nil && (!errors.As(err, &lost) || lost.Known) {
			fmt.Println("true:", err)
		}
		err := nsenter.Command(nil, "sh", "-c", "exit 3").Run()
		if !errors.As(err, &lost) || lost.Known && lost.Status.ExitStatus() != 3 || !errors.Is(err, syscall.ECHILD) {
			fmt.Println("exit 3:", err)
		}
		return nil
	}
}

// The program has exited, its child has not, and holds stdout.
func TestCutOutputIsToldAfterTheContextIsDone(t *testing.T) {
	ctx, cancel := context.WithCancel(context.Background())
	defer cancel()
	cmd := nsenter.CommandContext(ctx, nil, "sh", "-c", "echo begin; sleep 5 & exit 0")
	var out bytes.Buffer
	cmd.Stdout = &out
	cmd.WaitDelay = 100 * time.Millisecond
	if err := cmd.Start(); err != nil {
		t.Fatal(err)
	}
	time.Sleep(50 * time.Millisecond)
	cancel()
	if err := cmd.Wait(); !errors.Is(err, exec.ErrWaitDelay) && !errors.Is(err, context.Canceled) {
		t.Errorf("Wait: %v after %q", err, out.String())
	}
}

// A target whose memory the caller may read no longer, when he has its namespaces: a setns on its pidfd is refused, and by
// handles it is not.
func TestTargetThatMayNoLongerBeRead(t *testing.T) {
	testutil.NeedRoot(t)
	if !alone(t) {
		return
	}
	target := makeTopology(t, "exec setpriv --reuid=47110 --regid=47110 --clear-groups unshare -Urn $TARGET <&3")
	set := setOf(t, target, ns.User|ns.Net)
	runtime.LockOSThread() // which ends with the process: the capability does not come back
	dropCapability(t, unix.CAP_SYS_PTRACE)
	if _, err := ns.OfPID(target, ns.User); !errors.Is(err, os.ErrPermission) {
		t.Fatalf("it may be read: %v", err)
	}
	out, err := nsenter.Command(set, "readlink", "/proc/self/ns/user", "/proc/self/ns/net").Output()
	want := fmt.Sprintf("%v\n%v\n", set.Handle(ns.User), set.Handle(ns.Net))
	if err != nil || string(out) != want {
		t.Errorf("the payload is in %q instead of %q (%v)", out, want, err)
	}
}

// dropCapability takes it from the calling thread, and from all that it executes.
func dropCapability(t *testing.T, capability int) {
	t.Helper()
	header := unix.CapUserHeader{Version: unix.LINUX_CAPABILITY_VERSION_3}
	var sets [2]unix.CapUserData
	err := errors.Join(unix.Prctl(unix.PR_CAPBSET_DROP, uintptr(capability), 0, 0, 0), unix.Capget(&header, &sets[0]))
	sets[capability/32].Effective &^= 1 << (capability % 32)
	sets[capability/32].Permitted &^= 1 << (capability % 32)
	if err := errors.Join(err, unix.Capset(&header, &sets[0])); err != nil {
		t.Fatal(err)
	}
}

type closedWriter struct{}

func (closedWriter) Write([]byte) (int, error) { return 0, os.ErrClosed }

func TestWritersErrorIsTold(t *testing.T) {
	cmd := nsenter.Command(nil, "echo", "lost")
	cmd.Stdout = closedWriter{}
	if err := cmd.Run(); !errors.Is(err, os.ErrClosed) {
		t.Error(err)
	}
}

// All batches of fds but the last arrive with the first bytes.
func TestManyFilesBelowALowSoftLimit(t *testing.T) {
	out, err := zooCommand("many-files-caller").CombinedOutput()
	if err != nil {
		t.Errorf("%v: %s", err, out)
	}
}

// zooCommand runs a program of the zoo as a caller.
func zooCommand(name string, arg ...string) *exec.Cmd {
	cmd := exec.Command(zooBinary, arg...)
	cmd.Env = zooEnv(name)
	return cmd
}

func init() {
	zoo["many-files-caller"] = func([]string) error {
		var limit syscall.Rlimit
		if err := syscall.Getrlimit(syscall.RLIMIT_NOFILE, &limit); err != nil {
			return err
		}
		limit.Cur = 256 // what stage 0 inherits; we ourselves hold few
		if err := syscall.Setrlimit(syscall.RLIMIT_NOFILE, &limit); err != nil {
			return err
		}
		cmd := nsenter.Command(nil, "sh", "-c", "test -e /proc/self/fd/602 && test $(ulimit -n) = 256")
		cmd.ExtraFiles = make([]*os.File, 100) // closed: the dynamic loader needs numbers below the limit
		for i := range 500 {                   // one file under 500 names: the same *os.File would travel once
			cmd.ExtraFiles = append(cmd.ExtraFiles, os.NewFile(os.Stderr.Fd(), strconv.Itoa(i)))
		}
		return cmd.Run()
	}
}

func TestDirectoryIsTheRootOnceTheRootMayBeAnother(t *testing.T) {
	cmd := nsenter.Command(setOf(t, os.Getpid(), ns.Mount), "sh", "-c", "pwd; echo $PWD")
	out, err := cmd.Output()
	if err != nil || string(out) != "/\n/\n" {
		t.Errorf("%q, %v", out, err)
	}
}

func TestClosedFileIsNamed(t *testing.T) {
	r, w, err := os.Pipe()
	if err != nil {
		t.Fatal(err)
	}
	w.Close()
	defer r.Close()
	cmd := nsenter.Command(nil, "true")
	cmd.ExtraFiles = []*os.File{w}
	var e *nsenter.Error
	if err := cmd.Run(); !errors.Is(err, os.ErrClosed) || !errors.As(err, &e) || e.Path != w.Name() {
		t.Error(err)
	}
}

func TestPanicBeforeExecLeavesNothing(t *testing.T) {
	baseline(t)
	cmd := nsenter.Command(nil, "true")
	cmd.Stdin, cmd.Stdout = strings.NewReader("in"), io.Discard
	cmd.BeforeExec = func(int) error { panic("on purpose") }
	defer func() {
		if recover() == nil {
			t.Error("no panic")
		}
		if cmd.Process != nil {
			t.Error("Process is set")
		}
	}()
	cmd.Run()
}
