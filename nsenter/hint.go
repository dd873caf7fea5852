//go:build linux && cgo

package nsenter

import (
	"errors"
	"os"
	"strings"

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
	case isCreation(e.Op) && (e.Errno == unix.ENOSPC || e.Errno == unix.EUSERS):
		return "a limit is reached: see the sysctls user.max_*_namespaces, here and in the user namespaces above"
	case isCreation(e.Op) && e.Errno == unix.EPERM:
		return createHint(e.Type)
	case strings.HasPrefix(e.Op, "write ") && strings.HasSuffix(e.Op, " map") && e.Errno == unix.EPERM:
		return "an id that the user namespace above does not have, or that may not be mapped"
	case e.Op == "become owner of" && e.Errno == unix.EPERM:
		return "another owner takes CAP_SETUID, CAP_SETGID, and setgroups(2), in the user namespace above"
	case e.Op == "become owner of" && e.Errno == unix.EINVAL:
		return "the owner is not mapped in the user namespace above"
	case e.Op == "write time offsets" && e.Errno == unix.ERANGE:
		return "a clock would be negative, or beyond 146 years"
	case e.Op == "mount procfs" && e.Errno == unix.EPERM:
		return "it takes a pid namespace of the same user namespace, and a procfs in sight that nothing covers parts of"
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

func isCreation(op string) bool { return op == "create" || op == "enter new" }

// createHint: a user namespace takes no privileges, unless somebody has seen to that.
func createHint(t ns.Type) string {
	if t&ns.User == 0 {
		return "creating takes CAP_SYS_ADMIN: create a user namespace as well"
	}
	for path, meaning := range map[string]string{
		"/proc/sys/kernel/apparmor_restrict_unprivileged_userns": "1",
		"/proc/sys/kernel/unprivileged_userns_clone":             "0",
	} {
		if value, err := os.ReadFile(path); err == nil && strings.TrimSpace(string(value)) == meaning {
			return "unprivileged user namespaces are restricted here: " + path + " is " + meaning
		}
	}
	return "unprivileged user namespaces are restricted here, the caller is in a chroot, or has no ids where it begins"
}
