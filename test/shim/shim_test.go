//go:build linux

package main

import (
	"errors"
	"fmt"
	"os"
	"os/exec"
	"testing"

	"golang.org/x/sys/unix"
)

// helper makes the test binary the program that a test runs behind the filter.
const helper = "SHIM_TEST_HELPER"

func TestMain(m *testing.M) {
	if os.Getenv(helper) == "" {
		os.Exit(m.Run())
	}
	if err := look(os.Getenv(variable)); err != nil {
		fmt.Println(err)
		os.Exit(1)
	}
}

// probe is a call that is hidden, and what is left to be seen of its kind, each with arguments that do no harm.
type probe struct{ hidden, seen func() unix.Errno }

func raw(number, a, b, c uintptr) func() unix.Errno {
	return func() unix.Errno {
		_, _, errno := unix.RawSyscall6(number, a, b, c, 0, 0, 0)
		return errno
	}
}

const none = ^uintptr(0) // no descriptor, no address

var probes = map[string]probe{
	"pidfd_open":              {raw(unix.SYS_PIDFD_OPEN, 1, none, 0), raw(unix.SYS_PIDFD_GETFD, none, 0, none)},
	"fsopen":                  {raw(unix.SYS_FSMOUNT, none, 0, 0), raw(unix.SYS_PIDFD_OPEN, none, 0, 0)},
	"clone:CLONE_PIDFD":       {raw(unix.SYS_CLONE, unix.CLONE_PIDFD|unix.CLONE_NEWNS|unix.CLONE_FS, 0, 0), raw(unix.SYS_CLONE, unix.CLONE_NEWNS|unix.CLONE_FS, 0, 0)},
	"waitid:P_PIDFD":          {raw(unix.SYS_WAITID, unix.P_PIDFD, none, 0), raw(unix.SYS_WAITID, unix.P_PID, 1, 0)},
	"setns:several":           {raw(unix.SYS_SETNS, none, unix.CLONE_NEWNET|unix.CLONE_NEWUTS, 0), raw(unix.SYS_SETNS, none, unix.CLONE_NEWNET, 0)},
	"memfd_create:MFD_EXEC":   {raw(unix.SYS_MEMFD_CREATE, none, unix.MFD_EXEC|unix.MFD_CLOEXEC, 0), raw(unix.SYS_MEMFD_CREATE, none, unix.MFD_CLOEXEC, 0)},
	"setsockopt:SO_PASSPIDFD": {raw(unix.SYS_SETSOCKOPT, none, unix.SOL_SOCKET, unix.SO_PASSPIDFD), raw(unix.SYS_SETSOCKOPT, none, unix.SOL_SOCKET, unix.SO_PASSCRED)},
	"ioctl:pidfd":             {raw(unix.SYS_IOCTL, none, 0xff04, 0), raw(unix.SYS_IOCTL, none, 0xb703, 0)},
	"ioctl:nsfs":              {raw(unix.SYS_IOCTL, none, newOfNSFS|13|8<<16, 0), raw(unix.SYS_IOCTL, none, unix.BLKROSET&0xe0000000|0xb703, 0)},
}

// look compares what is seen behind the filter with what was asked for.
func look(name string) error {
	want, err := parseErrno(os.Getenv(helper))
	if err != nil {
		return err
	}
	p := probes[name]
	if got := p.hidden(); got != want {
		return fmt.Errorf("the hidden call says %v", got)
	}
	if got := p.seen(); got == 0 || got == want && want != unix.EINVAL {
		return fmt.Errorf("a call that is not hidden says %v", got)
	}
	return nil
}

func TestHides(t *testing.T) {
	shim := t.TempDir() + "/shim"
	if out, err := exec.Command("go", "build", "-o", shim, ".").CombinedOutput(); err != nil {
		t.Fatalf("%v: %s", err, out)
	}
	for name := range probes {
		for _, errno := range []string{"ENOSYS", "EPERM", "EINVAL"} {
			cmd := exec.Command(shim, name, errno, "/proc/self/exe")
			cmd.Args[3] = os.Args[0]
			cmd.Env = append(os.Environ(), helper+"="+errno)
			if out, err := cmd.CombinedOutput(); err != nil {
				t.Errorf("%s, %s: %v: %s", name, errno, err, out)
			}
		}
	}
}

func TestRefusesNonsense(t *testing.T) {
	for _, args := range [][2]string{{"no_call", "ENOSYS"}, {"statx", "ENOENT"}} {
		if err := run(args[0], args[1], nil); err == nil || errors.Is(err, unix.EFAULT) {
			t.Errorf("%v: %v", args, err)
		}
	}
}
