//go:build linux

package ns

import (
	"errors"
	"fmt"
	"os"
	"strings"
	"syscall"
	"testing"

	"golang.org/x/sys/unix"

	"nsexec/internal/kernel"
	"nsexec/internal/nsfs"
	"nsexec/internal/testutil"
)

// An ordinary user, of whom there is no other process, sees a procfs that hides other people's processes.
func TestHidepid(t *testing.T) {
	testutil.NeedRoot(t)
	other := newAll(t)
	inPrivateMounts(t, func() {
		if err := unix.Mount("proc", "/proc", "proc", 0, "hidepid=2"); err != nil {
			t.Error(err)
			return
		}
		cmd := helperCommand("hidepid")
		cmd.Env = append(cmd.Env, "NS_TEST_PID="+itoa(other.Process.Pid))
		cmd.SysProcAttr = &syscall.SysProcAttr{Credential: &syscall.Credential{Uid: 61717, Gid: 61717}}
		if out, err := cmd.CombinedOutput(); err != nil {
			t.Errorf("%v: %s", err, out)
		}
	})
}

func init() {
	helpers["hidepid"] = func() error {
		pid := atoi(os.Getenv("NS_TEST_PID"))
		if _, err := os.Stat("/proc/" + itoa(pid)); !errors.Is(err, os.ErrNotExist) {
			return fmt.Errorf("process %d is not hidden: %v", pid, err)
		}
		if _, err := OfPID(pid, Net); !errors.Is(err, os.ErrPermission) {
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
