//go:build linux && cgo

package main

import (
	"fmt"
	"slices"

	"golang.org/x/sys/unix"
)

// callNames are the calls that the library makes.
var callNames = map[int]string{
	unix.SYS_BRK: "brk", unix.SYS_CAPGET: "capget", unix.SYS_CHDIR: "chdir", unix.SYS_CHROOT: "chroot",
	unix.SYS_CLONE: "clone", unix.SYS_CLOSE: "close", unix.SYS_CLOSE_RANGE: "close_range", unix.SYS_DUP3: "dup3",
	unix.SYS_EPOLL_CREATE1: "epoll_create1", unix.SYS_EPOLL_CTL: "epoll_ctl", unix.SYS_EVENTFD2: "eventfd2",
	unix.SYS_EXECVE: "execve", unix.SYS_EXIT_GROUP: "exit_group", unix.SYS_FACCESSAT: "faccessat",
	unix.SYS_FCHDIR: "fchdir", unix.SYS_FCNTL: "fcntl", unix.SYS_FSCONFIG: "fsconfig", unix.SYS_FSMOUNT: "fsmount",
	unix.SYS_FSOPEN: "fsopen", unix.SYS_FSTAT: "fstat", unix.SYS_FSTATFS: "fstatfs", unix.SYS_GETCWD: "getcwd",
	unix.SYS_GETDENTS64: "getdents64", unix.SYS_GETEGID: "getegid", unix.SYS_GETEUID: "geteuid",
	unix.SYS_GETGID: "getgid", unix.SYS_GETPID: "getpid", unix.SYS_GETPPID: "getppid",
	unix.SYS_GETPRIORITY: "getpriority", unix.SYS_GETRANDOM: "getrandom", unix.SYS_GETSOCKOPT: "getsockopt",
	unix.SYS_GETUID: "getuid", unix.SYS_IOCTL: "ioctl", unix.SYS_KILL: "kill", unix.SYS_LSEEK: "lseek",
	unix.SYS_MADVISE: "madvise", unix.SYS_MEMFD_CREATE: "memfd_create", unix.SYS_MMAP: "mmap",
	unix.SYS_MPROTECT: "mprotect", unix.SYS_MUNMAP: "munmap", unix.SYS_OPENAT: "openat",
	unix.SYS_OPENAT2: "openat2", unix.SYS_PIDFD_OPEN: "pidfd_open",
	unix.SYS_PIDFD_SEND_SIGNAL: "pidfd_send_signal", unix.SYS_PIPE2: "pipe2", unix.SYS_PPOLL: "ppoll",
	unix.SYS_PRCTL: "prctl", unix.SYS_PREAD64: "pread64", unix.SYS_PRLIMIT64: "prlimit64", unix.SYS_READ: "read",
	unix.SYS_READLINKAT: "readlinkat", unix.SYS_RECVFROM: "recvfrom", unix.SYS_RECVMSG: "recvmsg", unix.SYS_RSEQ: "rseq",
	unix.SYS_RT_SIGACTION: "rt_sigaction", unix.SYS_RT_SIGPROCMASK: "rt_sigprocmask",
	unix.SYS_SCHED_SETAFFINITY: "sched_setaffinity", unix.SYS_SENDMSG: "sendmsg", unix.SYS_SETGROUPS: "setgroups",
	unix.SYS_SETNS: "setns", unix.SYS_SETPGID: "setpgid", unix.SYS_SETPRIORITY: "setpriority", unix.SYS_SETRESGID: "setresgid",
	unix.SYS_SETRESUID: "setresuid", unix.SYS_SETSOCKOPT: "setsockopt",
	unix.SYS_SET_ROBUST_LIST: "set_robust_list", unix.SYS_SET_TID_ADDRESS: "set_tid_address",
	unix.SYS_SHUTDOWN: "shutdown", unix.SYS_SOCKETPAIR: "socketpair", unix.SYS_STATX: "statx",
	unix.SYS_UMASK: "umask", unix.SYS_UNSHARE: "unshare", unix.SYS_WAIT4: "wait4", unix.SYS_WAITID: "waitid",
	unix.SYS_WRITE: "write", callStat: "stat",
}

func callName(nr int) string {
	if name := callNames[nr]; name != "" {
		return name
	}
	return fmt.Sprintf("call %d", nr)
}

// cannotFail are calls that have no errors, or whose errors change nothing: close(2) gives a descriptor up whatever it
// returns, and nothing comes back from exit.
var cannotFail = []int{
	unix.SYS_CLOSE, unix.SYS_EXIT_GROUP, unix.SYS_GETEGID, unix.SYS_GETEUID, unix.SYS_GETGID, unix.SYS_GETPID,
	unix.SYS_GETPPID, unix.SYS_GETUID, unix.SYS_UMASK,
}

// interruptible are calls that wait, or that may be asked to try again.
var interruptible = []int{
	unix.SYS_CLONE, unix.SYS_READ, unix.SYS_RECVMSG, unix.SYS_SENDMSG, unix.SYS_WAIT4, unix.SYS_WRITE,
}

// errnosOf are the errors that a call may fail with: those of a filter, of a lack of memory, of a kernel that does not
// know a flag; and for whatever waits, those that ask to try again.
func errnosOf(nr int) []unix.Errno {
	switch {
	case slices.Contains(cannotFail, nr):
		return nil
	case slices.Contains(interruptible, nr):
		return []unix.Errno{unix.EPERM, unix.ENOSYS, unix.ENOMEM, unix.EINVAL, unix.EINTR, unix.EAGAIN}
	}
	return []unix.Errno{unix.EPERM, unix.ENOSYS, unix.ENOMEM, unix.EINVAL}
}
