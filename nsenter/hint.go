//go:build linux && cgo

package nsenter

import (
	"errors"
	"os"
	"slices"
	"strings"

	"golang.org/x/sys/unix"

	"nsexec/ns"
)

// explain adds a hint where an errno misleads, to an error on the way to new
// namespaces of these types.
func explain(err error, create ns.Type) error {
	var e *Error
	if !errors.As(err, &e) || e.Hint != "" {
		return err
	}
	if create&ns.User != 0 && isRestricted(e) {
		e.Hint = "user namespaces are restricted here: " + restriction()
	} else {
		e.Hint = hint(e)
	}
	e.Hint = withModule(e.Hint, moduleHint(e))
	return err
}

func hint(e *Error) string {
	switch {
	case e.Op == "join" && e.Errno == unix.EPERM:
		return joinHint(e.Type)
	case e.Op == "join" && e.Errno == unix.ESRCH:
		return "the target has exited"
	case e.Op == "be the only thread":
		return "other threads ran before the constructor"
	case e.Op == "clone" && e.Errno == unix.ENOMEM:
		return "the pid namespace's first process has exited, or memory is short"
	case e.Op == "set uid" && e.Errno == unix.EINVAL, e.Op == "set gid" && e.Errno == unix.EINVAL:
		return "the id is not mapped in the user namespace"
	case isCreation(e.Op) && (e.Errno == unix.ENOSPC || e.Errno == unix.EUSERS):
		return limitHint(e.Type)
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
	if why := restriction(); why != "" {
		return "user namespaces are restricted here: " + why
	}
	return "user namespaces are restricted here, the caller is in a chroot, or has no ids where it begins"
}

// restriction names a sysctl that keeps ordinary users from user namespaces, or is "".
func restriction() string {
	for _, sysctl := range []struct{ name, restricts string }{
		{"kernel/apparmor_restrict_unprivileged_userns", "1"}, // Ubuntu
		{"kernel/unprivileged_userns_clone", "0"},             // Debian
	} {
		value, err := os.ReadFile("/proc/sys/" + sysctl.name)
		if err == nil && strings.TrimSpace(string(value)) == sysctl.restricts {
			return strings.ReplaceAll(sysctl.name, "/", ".") + " is " + sysctl.restricts
		}
	}
	return ""
}

// isRestricted: AppArmor lets an ordinary user create a user namespace, but have
// no capabilities in it, so that something fails later (Ubuntu 23.10).
func isRestricted(e *Error) bool {
	if e.Errno != unix.EPERM && e.Errno != unix.EACCES || e.Stage == StageCaller {
		return false
	}
	inside := isCreation(e.Op) || slices.ContainsFunc([]string{"write ", "set ", "mount ", "raise "}, func(verb string) bool {
		return strings.HasPrefix(e.Op, verb)
	})
	return inside && !hasCapabilities(unix.CAP_SYS_ADMIN) && restriction() != ""
}

// limitHint names the sysctls that bound how many there are.
func limitHint(t ns.Type) string {
	var names []string
	for _, one := range t.Types() {
		names = append(names, "user.max_"+one.Name()+"_namespaces")
	}
	text := "a limit is reached: see the sysctl " + strings.Join(names, ", ") + ", here and in the user namespaces above"
	if t&ns.User != 0 {
		text += "; or user namespaces are nested 32 deep"
	}
	return text
}
