//go:build linux && cgo

package nsenter

import (
	"bytes"
	"os"
	"strings"

	"golang.org/x/sys/unix"
)

// moduleHint names the security module that may be why a kernel call was refused: those answer with the errnos that
// missing capabilities and file modes have. The stages are confined as the caller is. It is "" where none confines it.
func moduleHint(e *Error) string {
	if e.Errno != unix.EPERM && e.Errno != unix.EACCES {
		return ""
	}
	if context := selinuxContext(); context != "" {
		return "SELinux enforces its policy on the caller (" + context + `): what it refused is in the audit log, as "avc: denied"`
	}
	if profile := apparmorProfile(); profile != "" {
		return "AppArmor confines the caller (profile " + profile + `): what it refused is in the kernel's log, as apparmor="DENIED"`
	}
	return ""
}

// withModule adds a module's hint to another.
func withModule(hint, module string) string {
	if hint == "" || module == "" {
		return hint + module
	}
	return hint + "; or " + module
}

// selinuxContext is the caller's where SELinux enforces a policy. Where there is no selinuxfs to see that by, as in most
// containers, the context alone has to do, which has the form user:role:type.
func selinuxContext() string {
	enforce, err := os.ReadFile("/sys/fs/selinux/enforce")
	if err == nil && string(enforce) != "1" {
		return ""
	}
	context := ownAttribute("/proc/thread-self/attr/current")
	if strings.Count(context, ":") < 2 || strings.Contains(context, " ") { // AppArmor's are ":namespace:profile (mode)"
		return ""
	}
	return context
}

// apparmorProfile is the caller's, if one is enforced on it: "name (enforce)". The first file is of Linux 5.8, and is there
// although another module has the second.
func apparmorProfile() string {
	for _, path := range []string{"/proc/thread-self/attr/apparmor/current", "/proc/thread-self/attr/current"} {
		if profile, enforced := strings.CutSuffix(ownAttribute(path), " (enforce)"); enforced {
			return profile
		}
	}
	return ""
}

func ownAttribute(path string) string {
	value, err := os.ReadFile(path)
	if err != nil {
		return ""
	}
	return string(bytes.TrimRight(value, "\x00\n"))
}
