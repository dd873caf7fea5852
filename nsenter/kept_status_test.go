//go:build linux && cgo

package nsenter_test

import (
	"errors"
	"os/exec"
	"os/signal"
	"syscall"
	"testing"

	"golang.org/x/sys/unix"

	"nsexec/internal/testutil"
	"nsexec/nsenter"
)

// A process that is reaped just when its status is asked for: the kernel may then say that there is no such process,
// although it keeps the status.
func TestKeptStatusIsNotMissed(t *testing.T) {
	if !alone(t) {
		return
	}
	testutil.Needs(t, "clone:CLONE_PIDFD", "ioctl:pidfd")
	if !kernelKeepsStatus(t) {
		testutil.NeedKernel(t, statusKeptSince, "PIDFD_INFO_EXIT")
	}
	signal.Ignore(syscall.SIGCHLD)
	for range times(300, 3000) {
		pidfd := -1
		cmd := exec.Command("/bin/sh", "-c", "exit 7")
		cmd.SysProcAttr = &syscall.SysProcAttr{PidFD: &pidfd}
		if err := cmd.Start(); err != nil {
			t.Fatal(err)
		}
		status, err := nsenter.KeptStatus(pidfd)
		for errors.Is(err, unix.EAGAIN) {
			status, err = nsenter.KeptStatus(pidfd)
		}
		if err != nil || status.ExitStatus() != 7 {
			t.Errorf("status %#x, %v", status, err)
		}
		_ = unix.Close(pidfd)
		_ = cmd.Process.Release()
	}
}
