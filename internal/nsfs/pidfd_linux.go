package nsfs

import (
	"errors"
	"os"

	"golang.org/x/sys/unix"

	"nsexec/internal/kernel"
	"nsexec/internal/raw"
)

// The ioctls of a pidfd that open the process's namespaces, include/uapi/linux/pidfd.h.
var pidfdGet = map[uint64]uintptr{
	unix.CLONE_NEWCGROUP: none | 0xff01, // PIDFD_GET_CGROUP_NAMESPACE
	unix.CLONE_NEWIPC:    none | 0xff02,
	unix.CLONE_NEWNS:     none | 0xff03,
	unix.CLONE_NEWNET:    none | 0xff04,
	unix.CLONE_NEWPID:    none | 0xff05,
	unix.CLONE_NEWTIME:   none | 0xff07,
	unix.CLONE_NEWUSER:   none | 0xff09,
	unix.CLONE_NEWUTS:    none | 0xff0a,
}

// OpenPIDFD opens the namespace of type t (a CLONE_NEW* value) of the process behind pidfd: PIDFD_GET_*_NAMESPACE.
// The kernel closes it on exec. EOPNOTSUPP: the kernel has no such type. ESRCH: a zombie, or gone. EACCES: no
// right to ptrace the process. ENOTTY: not a pidfd.
func OpenPIDFD(pidfd int, t uint64) (int, error) { return raw.Ioctl(pidfd, pidfdGet[t], 0) }

// OpenPIDForChildren opens the namespace that the children of the process or thread behind pidfd will be born in,
// also if nobody has been yet.
func OpenPIDForChildren(pidfd int) (int, error) { return unix.IoctlRetInt(pidfd, none|0xff06) }

// PIDFDNamespaces tells whether OpenPIDFD works.
var PIDFDNamespaces = &kernel.Probe{
	Name:  "PIDFD_GET_*_NAMESPACE",
	Since: "6.11",
	Try: func() kernel.Answer {
		pidfd, err := unix.PidfdOpen(os.Getpid(), 0)
		if err != nil {
			return kernel.Unknown
		}
		defer unix.Close(pidfd)
		fd, err := OpenPIDFD(pidfd, unix.CLONE_NEWNS)
		if err == nil {
			unix.Close(fd)
			return kernel.Yes
		}
		// 6.9 and 6.10 know no ioctl of pidfds, but answer EINVAL to some numbers.
		if errors.Is(err, unix.ENOTTY) || errors.Is(err, unix.EINVAL) {
			return kernel.No
		}
		return kernel.Unknown
	},
}

// Alive tells whether the process behind pidfd lives: a zombie does not.
func Alive(pidfd int) (bool, error) {
	fds := []unix.PollFd{{Fd: int32(pidfd), Events: unix.POLLIN}}
	for {
		n, err := unix.Poll(fds, 0)
		if !errors.Is(err, unix.EINTR) {
			return n == 0, err
		}
	}
}
