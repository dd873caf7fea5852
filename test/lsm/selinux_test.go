//go:build linux && cgo

package lsm

import (
	"path/filepath"
	"strconv"
	"testing"

	"golang.org/x/sys/unix"

	"nsexec/internal/kernel"
	"nsexec/internal/testutil"
)

func label(typ string) string { return "u:r:" + typ }

// needSELinux labels the programs: caller and busybox as what every domain executes, secret as what only t does.
func needSELinux(t *testing.T) {
	t.Helper()
	need(t, "selinux")
	for name, typ := range map[string]string{"caller": "exe_t", "busybox": "exe_t", "secret": "secret_t"} {
		if err := unix.Setxattr(filepath.Join(programs, name), "security.selinux", []byte(label(typ)), 0); err != nil {
			t.Fatal(err)
		}
	}
}

// A payload is in the caller's domain. strict_t executes what has the executable's label and nothing else: so has what stage
// 0 executes, which is an overlay for root and a memfd for an ordinary user.
func TestSELinuxJoins(t *testing.T) {
	needSELinux(t)
	for _, typ := range []string{"t", "strict_t"} {
		for who, user := range map[string]bool{"root": false, "user": true} {
			for _, way := range []string{"one-shot", "launcher"} {
				t.Run(typ+" "+who+" "+way, func(t *testing.T) {
					c := caller{confinement: label(typ), user: user}
					out, ok := c.run(t, "enter", way, "0", programs+"/busybox", "cat", "/proc/self/attr/current")
					if !ok || out != label(typ) {
						t.Errorf("payload is %q", out)
					}
				})
			}
		}
	}
}

// Root has every capability, and is refused all the same.
func TestSELinuxDeniesToJoin(t *testing.T) {
	needSELinux(t)
	pid := strconv.Itoa(testutil.Target(t, testutil.PrivilegedTypes).PID)
	for _, way := range []string{"one-shot", "launcher"} {
		out, ok := caller{confinement: label("nojoin_t")}.run(t, "enter", way, pid, programs+"/busybox", "true")
		wantDenied(t, out, ok, "join", "operation not permitted", "SELinux", label("nojoin_t"), "avc: denied")
	}
}

func TestSELinuxDeniesToExecute(t *testing.T) {
	needSELinux(t)
	for _, way := range []string{"one-shot", "launcher"} {
		out, ok := caller{confinement: label("strict_t")}.run(t, "enter", way, "0", programs+"/secret", "true")
		wantDenied(t, out, ok, `exec "/lsm/secret": permission denied`, "SELinux", label("strict_t"), "avc: denied")
	}
}

// The class user_namespace came with Linux 6.2.
func TestSELinuxDeniesToCreate(t *testing.T) {
	needSELinux(t)
	if newer, err := kernel.AtLeast("6.2"); err != nil || !newer {
		testutil.NeedKernel(t, "6.2", "SELinux decides about user namespaces")
	}
	out, ok := caller{confinement: label("nouserns_t"), user: true}.run(t, "create", programs+"/busybox", "true")
	wantDenied(t, out, ok, "permission denied", "SELinux", label("nouserns_t"), "avc: denied")
}
