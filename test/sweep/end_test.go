//go:build linux && cgo

package main

import (
	"bufio"
	"os"
	"runtime"
	"slices"
	"testing"

	"golang.org/x/sys/unix"

	"nsexec/internal/procfs"
	"nsexec/internal/testutil"
)

// A driver that is killed takes along what it has started: without it every call of a caller fails, and one that cannot
// even end would use a processor for ever. A function's payload can outlive its caller, and might just then boot the Go
// runtime, which waits for what fails.
func TestAllEndWithTheirDriver(t *testing.T) {
	testutil.Target(t, testutil.AllTypes).Kill()
	runtime.LockOSThread()
	defer runtime.UnlockOSThread()
	if err := unix.Prctl(unix.PR_SET_CHILD_SUBREAPER, 1, 0, 0, 0); err != nil {
		t.Fatal(err)
	}
	for i, s := range scenarios() {
		if s.Function {
			continue
		}
		t.Run(s.Name, func(t *testing.T) {
			before := procfs.Children(os.Getpid())
			cmd := s.driver(aSample)
			results, err := cmd.StdoutPipe()
			if err != nil {
				t.Fatal(err)
			}
			if err := cmd.Start(); err != nil {
				t.Fatal(err)
			}
			lines := bufio.NewReader(results)
			for range 1 + i%3 { // somewhere in the middle
				if _, err := lines.ReadString('\n'); err != nil {
					t.Fatal(err)
				}
			}
			_ = cmd.Process.Kill()
			_ = cmd.Wait()
			t.Cleanup(func() { endChildren(before) })
			testutil.Eventually(t, "all gone", func() bool { return slices.Equal(childrenLeft(), before) })
		})
	}
}

func endChildren(before []int) {
	for _, pid := range childrenLeft() {
		if !slices.Contains(before, pid) {
			_ = unix.Kill(pid, unix.SIGKILL)
		}
	}
}

// childrenLeft are those that still run: what was the driver's is ours now.
func childrenLeft() []int {
	return slices.DeleteFunc(procfs.Children(os.Getpid()), func(pid int) bool {
		got, _ := unix.Wait4(pid, nil, unix.WNOHANG, nil)
		return got == pid
	})
}
