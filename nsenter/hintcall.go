//go:build linux && cgo

package nsenter

import (
	"golang.org/x/sys/unix"

	"nsexec/internal/procfs"
)

// callHint is for an errno that nothing else explains: who filters system calls
// says EPERM for want of a better one, or ENOSYS.
func callHint(e *Error) string {
	switch {
	case e.Stage == StageCaller && e.Op != "start stage 0":
		return ""
	case e.Errno == unix.ENOSYS && isFiltered():
		return "the kernel has no such system call, or a seccomp filter hides it"
	case e.Errno == unix.ENOSYS:
		return "the kernel has no such system call"
	case e.Errno == unix.EPERM && isFiltered():
		return "a seccomp filter is in force here, which may be what refuses it"
	}
	return ""
}

func orFiltered() string {
	if isFiltered() {
		return ", or by the seccomp filter that is in force"
	}
	return ""
}

// isFiltered tells whether this program, and so what it starts, has a seccomp
// filter: proc_pid_status(5).
func isFiltered() bool {
	status, err := procfs.OpenSelf("status")
	if err != nil {
		return false
	}
	defer status.Close()
	var text [4096]byte
	n, _ := status.ReadAt(text[:], 0)
	return procfs.Field(text[:n], "Seccomp:") == "2"
}
