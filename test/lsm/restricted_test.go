//go:build linux && cgo

package lsm

import (
	"os"
	"testing"
)

// userns is a sysctl of Debian's kernels. It is the whole machine's, so that it can be changed in a guest only.
const userns = "/proc/sys/kernel/unprivileged_userns_clone"

// Whoever is not privileged creates user namespaces, until root forbids it.
func TestUserNamespacesAreForbidden(t *testing.T) {
	need(t, "apparmor")
	user := under("joiner", true)
	if out, ok := user.run(t, "create", programs+"/busybox", "id", "-u"); !ok || out != "0" {
		t.Fatalf("before it is forbidden: %s", out)
	}
	allow(t, "0")
	t.Cleanup(func() { allow(t, "1") })
	out, ok := user.run(t, "create", programs+"/busybox", "true")
	wantDenied(t, out, ok, "create", "operation not permitted", "kernel.unprivileged_userns_clone is 0")
}

func allow(t *testing.T, value string) {
	t.Helper()
	if err := os.WriteFile(userns, []byte(value), 0); err != nil {
		t.Fatal(err)
	}
}
