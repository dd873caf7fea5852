package kernel_test

import (
	"errors"
	"os"
	"os/exec"
	"syscall"
	"testing"

	"golang.org/x/sys/unix"

	"nsexec/internal/kernel"
	"nsexec/internal/nsfs"
)

// features is what differs between the kernels that the library runs on (5.10 and later), each with its version.
var features = []*kernel.Probe{
	{Name: "execve enters a new time namespace", Since: "6.2", Try: execEntersTime},
	{Name: "MFD_EXEC", Since: "6.3", Try: memfdExec},
	{Name: "SCM_PIDFD", Since: "6.5", Try: passPIDFD},
	nsfs.PIDFDNamespaces,
	nsfs.MountIDs,
	nsfs.PIDTranslation,
	{Name: "PIDFD_INFO_EXIT", Since: "6.15", Try: statusAfterReaping},
	nsfs.IDs,
	nsfs.OpenIDs,
	nsfs.Lists,
}

// What a probe says must agree with the version that is recorded with it. The log is what the table of features is made of.
func TestFeaturesAgreeWithKernelVersion(t *testing.T) {
	for _, p := range features {
		newer, err := kernel.AtLeast(p.Since)
		if err != nil {
			t.Fatal(err)
		}
		got := p.Ask()
		t.Logf("feature %s|%s|%v", p.Name, p.Since, got)
		if got == kernel.No && newer || got == kernel.Yes && !newer {
			t.Errorf("%s: %v, but it came with %s", p.Name, got, p.Since)
		}
	}
}

func answer(err error, no ...error) kernel.Answer {
	if err == nil {
		return kernel.Yes
	}
	for _, target := range no {
		if errors.Is(err, target) {
			return kernel.No
		}
	}
	return kernel.Unknown
}

func memfdExec() kernel.Answer {
	fd, err := unix.MemfdCreate("probe", unix.MFD_CLOEXEC|unix.MFD_EXEC)
	if err == nil {
		unix.Close(fd)
	}
	return answer(err, unix.EINVAL)
}

func passPIDFD() kernel.Answer {
	fd, err := unix.Socket(unix.AF_UNIX, unix.SOCK_STREAM|unix.SOCK_CLOEXEC, 0)
	if err != nil {
		return kernel.Unknown
	}
	defer unix.Close(fd)
	return answer(unix.SetsockoptInt(fd, unix.SOL_SOCKET, unix.SO_PASSPIDFD, 1), unix.ENOPROTOOPT)
}

// statusAfterReaping: a child's status is there although somebody has waited for it.
func statusAfterReaping() kernel.Answer {
	cmd := exec.Command("true")
	var pidfd int
	cmd.SysProcAttr = &syscall.SysProcAttr{PidFD: &pidfd}
	if cmd.Start() != nil || pidfd < 0 {
		return kernel.Unknown
	}
	defer unix.Close(pidfd)
	if cmd.Wait() != nil {
		return kernel.Unknown
	}
	info := unix.PidfdInfo{Mask: unix.PIDFD_INFO_EXIT}
	err := unix.IoctlPidfdInfo(pidfd, &info)
	if err == nil && info.Mask&unix.PIDFD_INFO_EXIT == 0 {
		return kernel.No
	}
	return answer(err, unix.ENOTTY, unix.EINVAL, unix.ESRCH)
}

// execEntersTime: before, only a process born after unshare(2) is in the new time namespace, and whoever has called it
// can start no thread: a Go program ends with "pthread_create failed".
func execEntersTime() kernel.Answer {
	cmd := exec.Command("readlink", "/proc/self/ns/time")
	cmd.SysProcAttr = &syscall.SysProcAttr{Unshareflags: unix.CLONE_NEWTIME}
	if os.Geteuid() != 0 {
		cmd.SysProcAttr.Cloneflags = unix.CLONE_NEWUSER
	}
	inside, err := cmd.Output()
	ours, ourErr := os.Readlink("/proc/self/ns/time")
	if err != nil || ourErr != nil {
		return kernel.Unknown
	}
	if string(inside) == ours+"\n" {
		return kernel.No
	}
	return kernel.Yes
}
