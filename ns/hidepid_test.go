//go:build linux

package ns

import (
	"errors"
	"fmt"
	"os"
	"slices"
	"strings"
	"syscall"
	"testing"

	"golang.org/x/sys/unix"

	"nsexec/internal/kernel"
	"nsexec/internal/nsfs"
	"nsexec/internal/testutil"
)

// An ordinary user, of whom there is no other process, sees a procfs that hides other people's processes (2), or what
// is in their directories (1).
func TestHidepid(t *testing.T) {
	testutil.Needs(t, "pidfd_open")
	testutil.NeedRoot(t)
	other := newAll(t)
	for _, hidepid := range []string{"1", "2"} {
		inPrivateMounts(t, func() {
			if err := unix.Mount("proc", "/proc", "proc", 0, "hidepid="+hidepid); err != nil {
				t.Error(err)
				return
			}
			cmd := helperCommand("hidepid")
			cmd.Env = append(cmd.Env, "NS_TEST_PID="+itoa(other.Process.Pid), "NS_TEST_HIDEPID="+hidepid)
			cmd.SysProcAttr = &syscall.SysProcAttr{Credential: &syscall.Credential{Uid: 61717, Gid: 61717}}
			if out, err := cmd.CombinedOutput(); err != nil {
				t.Errorf("hidepid=%s: %v: %s", hidepid, err, out)
			}
		})
	}
}

func init() {
	helpers["hidepid"] = func() error {
		pid := atoi(os.Getenv("NS_TEST_PID"))
		listed := os.Getenv("NS_TEST_HIDEPID") == "1"
		if _, err := os.Stat("/proc/" + itoa(pid)); errors.Is(err, os.ErrNotExist) == listed {
			return fmt.Errorf("process %d: %v", pid, err)
		}
		if _, err := OfPID(pid, Net); !errors.Is(err, os.ErrPermission) || !strings.Contains(err.Error(), "hidepid") {
			return fmt.Errorf("by the pidfd's ioctls: %v", err)
		}
		restore := nsfs.PIDFDNamespaces.Force(kernel.No)
		if _, err := OfPID(pid, Net); !errors.Is(err, os.ErrPermission) || !strings.Contains(err.Error(), "hidepid") {
			return fmt.Errorf("through procfs: %v", err)
		}
		restore()
		l, err := List()
		if err != nil {
			return err
		}
		if !l.Hidden || l.Complete() {
			return fmt.Errorf("hidden %v, complete %v", l.Hidden, l.Complete())
		}
		if slices.Contains(l.Unreadable, pid) != listed {
			return fmt.Errorf("unreadable: %v", l.Unreadable)
		}
		own, err := Current(Net)
		if err != nil {
			return err
		}
		if n := l.Find(own.ID()); n == nil || n.Members != 1 {
			return fmt.Errorf("own network namespace: %+v", n)
		}
		return nil
	}
}
