//go:build linux

package ns

import (
	"fmt"
	"os"
	"syscall"
	"testing"

	"golang.org/x/sys/unix"

	"nsexec/internal/kernel"
	"nsexec/internal/nsfs"
)

// A process in a user namespace that is not dumpable, as the payload of a function is, may not read its own fdinfo before
// Linux 5.14, which is where procfs tells the number of a process behind a pidfd.
func TestOfPIDWhereFdinfoIsClosed(t *testing.T) {
	cmd := helperCommand("undumpable caller")
	cmd.SysProcAttr = &syscall.SysProcAttr{
		Cloneflags:  unix.CLONE_NEWUSER,
		UidMappings: []syscall.SysProcIDMap{{HostID: os.Getuid(), Size: 1}},
		GidMappings: []syscall.SysProcIDMap{{HostID: os.Getgid(), Size: 1}},
	}
	if out, err := cmd.CombinedOutput(); err != nil {
		t.Errorf("%v: %s", err, out)
	}
}

func init() {
	helpers["undumpable caller"] = func() error {
		if err := unix.Prctl(unix.PR_SET_DUMPABLE, 0, 0, 0, 0); err != nil {
			return err
		}
		defer nsfs.PIDFDNamespaces.Force(kernel.No)()
		s, err := OfPID(os.Getpid(), UTS)
		if err != nil {
			return err
		}
		defer s.Close()
		if ours, err := Current(UTS); err != nil || !ours.Equal(s.Handle(UTS)) {
			return fmt.Errorf("another namespace: %v, %w", s, err)
		}
		return nil
	}
}
