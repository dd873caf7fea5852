//go:build linux && cgo

package nsenter

import (
	"errors"

	"golang.org/x/sys/unix"

	"nsexec/ns"
)

// explain adds a hint where an errno misleads.
func explain(err error) error {
	var e *Error
	if errors.As(err, &e) && e.Hint == "" {
		e.Hint = hint(e)
	}
	return err
}

func hint(e *Error) string {
	switch {
	case e.Op == "join" && e.Errno == unix.EPERM:
		return joinHint(e.Type)
	case e.Op == "join" && e.Errno == unix.ESRCH:
		return "the target has exited"
	case e.Op == "clone" && e.Errno == unix.ENOMEM:
		return "the pid namespace's first process has exited, or memory is short"
	case e.Op == "set uid" && e.Errno == unix.EINVAL, e.Op == "set gid" && e.Errno == unix.EINVAL:
		return "the id is not mapped in the user namespace"
	case e.Op == "exec" && e.Errno == unix.EACCES:
		return "not executable for this user, on a noexec mount, or a directory"
	case e.Op == "place file" && e.Errno == unix.EBADF, e.Errno == unix.EMFILE:
		return "the hard limit of open files (RLIMIT_NOFILE) is too low"
	}
	return ""
}

// joinHint names the capabilities that setns(2) wants.
func joinHint(t ns.Type) string {
	const need = "joining takes CAP_SYS_ADMIN in the user namespace that owns it, and in the caller's own or the joined one"
	if t&ns.Mount != 0 {
		return need + "; and CAP_SYS_CHROOT for a mount namespace"
	}
	return need
}
