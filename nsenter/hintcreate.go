//go:build linux && cgo

package nsenter

import (
	"os"
	"slices"
	"strings"

	"golang.org/x/sys/unix"

	"nsexec/internal/capability"
	"nsexec/ns"
)

// creationHint is about new namespaces, and what is made for them.
func (at *scene) creationHint(e *Error) string {
	switch {
	case isCreation(e.Op) && (e.Errno == unix.ENOSPC || e.Errno == unix.EUSERS):
		return namespacesHint(e.Type)
	case isCreation(e.Op) && e.Errno == unix.EPERM:
		return at.createHint(e.Type)
	case e.Op == "write time offsets" && e.Errno == unix.ERANGE:
		return "a clock would be negative, or beyond 146 years"
	case e.Op == "mount procfs" && e.Errno == unix.EPERM:
		return "it takes a pid namespace of the same user namespace, and a procfs in sight that nothing covers parts of"
	}
	return ""
}

func isCreation(op string) bool { return op == "create" || op == "enter new" }

// createHint: a user namespace takes no privileges, unless somebody has seen to that.
func (at *scene) createHint(t ns.Type) string {
	switch {
	case t&ns.User != 0:
	case at.create&ns.User != 0, at.joinsUser(), capability.Have(unix.CAP_SYS_ADMIN):
		return "" // it is something else
	default:
		return "creating takes CAP_SYS_ADMIN: create a user namespace as well"
	}
	if why := restriction(); why != "" {
		return "user namespaces are restricted here: " + why
	}
	return "user namespaces are restricted here" + orFiltered() + ", the caller is in a chroot, or has no ids where it begins"
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

// restrictionHint: AppArmor lets an ordinary user create a user namespace, but have
// no capabilities in it, so that something fails later (Ubuntu 23.10).
func (at *scene) restrictionHint(e *Error) string {
	if at.create&ns.User == 0 || e.Errno != unix.EPERM && e.Errno != unix.EACCES || e.Stage == StageCaller {
		return ""
	}
	inside := isCreation(e.Op) || slices.ContainsFunc([]string{"write ", "set ", "mount ", "raise "}, func(verb string) bool {
		return strings.HasPrefix(e.Op, verb)
	})
	if why := restriction(); inside && why != "" && !capability.Have(unix.CAP_SYS_ADMIN) {
		return "user namespaces are restricted here: " + why
	}
	return ""
}

// namespacesHint names the sysctls that bound how many there are.
func namespacesHint(t ns.Type) string {
	var names []string
	for _, one := range t.Types() {
		names = append(names, "user.max_"+one.Name()+"_namespaces")
	}
	text := "a limit is reached: see the sysctl " + strings.Join(names, ", ") + ", here and in the user namespaces above"
	for _, nested := range []ns.Type{ns.User, ns.PID} {
		if t&nested != 0 {
			text += "; or " + nested.Name() + " namespaces are nested 32 deep"
		}
	}
	return text
}
