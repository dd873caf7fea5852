//go:build linux && cgo

package nsenter_test

import (
	"bytes"
	"context"
	"fmt"
	"io"
	"os"
	"os/exec"
	"strconv"
	"strings"
	"testing"
	"time"

	"golang.org/x/sys/unix"

	"nsexec/internal/testutil"
	"nsexec/ns"
	"nsexec/nsenter"
)

// afterInit is what a payload's main does after Init, if a function has left something to do.
var afterInit func()

var lingerFunc = nsenter.NewFunc("lingerFunc", func(context.Context, []byte) ([]byte, error) {
	afterInit = func() { time.Sleep(time.Hour) }
	return []byte("result"), nil
})

// sayMuch writes to stderr what its input says, in MiB.
var sayMuch = nsenter.NewFunc("say much", func(_ context.Context, in []byte) ([]byte, error) {
	n, err := strconv.Atoi(string(in))
	for line := bytes.Repeat([]byte("much"), 1<<18); n > 0 && err == nil; n-- {
		_, err = os.Stderr.Write(line)
	}
	os.Stdout.Close()
	for err == nil && len(in) > 0 {
		_, err = os.Stdin.Read(make([]byte, 1))
	}
	return nil, nil
})

func TestFuncThatStaysIsKilledAfterItsResult(t *testing.T) {
	everywhere(t, func(t *testing.T, set *ns.Set) {
		cmd := lingerFunc.Command(t.Context(), set, nil)
		begun := time.Now()
		out := resultOf(t, cmd)
		if took := time.Since(begun); string(out) != "result" || took < 900*time.Millisecond || took > testutil.Bound(3*time.Second) {
			t.Errorf("%q after %v", out, took)
		}
		if cmd.ProcessState.Success() {
			t.Errorf("it ended with %v", cmd.ProcessState)
		}
	})
}

// Nobody has called Wait.
func TestFuncThatStaysIsReaped(t *testing.T) {
	baseline(t)
	cmd := lingerFunc.Command(t.Context(), nil, nil)
	mustStartFunc(t, cmd)
	testutil.Eventually(t, "payload reaped", func() bool { return len(childrenOf(os.Getpid())) == 0 })
	if err := cmd.Wait(); err != nil {
		t.Error(err)
	}
	if out, err := cmd.Result(); string(out) != "result" || err != nil {
		t.Errorf("result is %q, %v", out, err)
	}
}

// What nobody wants to read must not fill the memory for as long as the function runs.
func TestFuncsStderrIsNotKept(t *testing.T) {
	before := sharedMemory(t)
	cmd := sayMuch.Command(t.Context(), nil, []byte("128"))
	stdin, stdout := pipe(t, cmd.StdinPipe), pipe(t, cmd.StdoutPipe)
	mustStartFunc(t, cmd)
	_, _ = io.ReadAll(stdout) // it closes its stdout when it has said all
	if grown := sharedMemory(t) - before; grown > 1<<20 {
		t.Errorf("128 MiB on stderr cost %d bytes of memory", grown)
	}
	stdin.Close()
	if err := cmd.Wait(); err != nil {
		t.Error(err)
	}
}

// sharedMemory is what the memfds that we hold take, in bytes.
func sharedMemory(t *testing.T) (size int64) {
	t.Helper()
	for fd, link := range filesHere() {
		var st unix.Stat_t
		if strings.HasPrefix(link, "/memfd:function") && unix.Fstat(fd, &st) == nil {
			size += st.Blocks * 512
		}
	}
	return size
}

// leaveBehind starts a process that has all that the function has, says its pid, and exits.
var leaveBehind = nsenter.NewFunc("leave behind", func(context.Context, []byte) ([]byte, error) {
	sleep := exec.Command("sleep", "60")
	for fd, link := range filesHere() {
		if strings.HasPrefix(link, "socket:") {
			sleep.ExtraFiles = append(sleep.ExtraFiles, os.NewFile(uintptr(fd), link))
		}
	}
	if err := sleep.Start(); err != nil || len(sleep.ExtraFiles) == 0 {
		os.Exit(2)
	}
	fmt.Println(sleep.Process.Pid)
	os.Exit(3)
	return nil, nil
})

func TestFuncThatLeavesItsSocketBehind(t *testing.T) {
	cmd := leaveBehind.Command(t.Context(), nil, nil)
	stdout := pipe(t, cmd.StdoutPipe)
	mustStartFunc(t, cmd)
	left := readPID(t, stdout)
	defer func() { _ = unix.Kill(left, unix.SIGKILL) }()
	begun := time.Now()
	wantExit(t, cmd.Wait(), 3)
	if took := time.Since(begun); took > testutil.Bound(2*time.Second) {
		t.Errorf("Wait took %v", took)
	}
	wantNoResult(t, cmd)
}
