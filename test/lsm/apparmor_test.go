//go:build linux && cgo

package lsm

import (
	"strconv"
	"testing"

	"nsexec/internal/testutil"
)

func under(profile string, user bool) caller {
	return caller{confinement: "exec " + profile, user: user}
}

// A payload is under the caller's profile. What stage 0 executes has no place in the mount tree: attach_disconnected gives
// it a name.
func TestAppArmorJoins(t *testing.T) {
	need(t, "apparmor")
	for who, user := range map[string]bool{"root": false, "user": true} {
		for _, way := range []string{"one-shot", "launcher"} {
			t.Run(who+" "+way, func(t *testing.T) {
				out, ok := under("joiner", user).run(t, "enter", way, "0", programs+"/busybox", "cat", "/proc/self/attr/current")
				if !ok || out != "joiner (enforce)" {
					t.Errorf("payload is %q", out)
				}
			})
		}
	}
}

// Without it not even a namespace has a name.
func TestAppArmorWithoutDisconnectedNames(t *testing.T) {
	need(t, "apparmor")
	pid := strconv.Itoa(testutil.Target(t, testutil.PrivilegedTypes).PID)
	out, ok := under("connected", false).run(t, "enter", "one-shot", pid, programs+"/busybox", "true")
	wantDenied(t, out, ok, "open namespaces of process "+pid, "permission denied")
}

func TestAppArmorDeniesToJoin(t *testing.T) {
	need(t, "apparmor")
	pid := strconv.Itoa(testutil.Target(t, testutil.PrivilegedTypes).PID)
	for _, way := range []string{"one-shot", "launcher"} {
		out, ok := under("nojoin", false).run(t, "enter", way, pid, programs+"/busybox", "true")
		wantDenied(t, out, ok, "join", "operation not permitted", "AppArmor", "profile nojoin", `apparmor="DENIED"`)
	}
}

func TestAppArmorDeniesToExecute(t *testing.T) {
	need(t, "apparmor")
	for _, way := range []string{"one-shot", "launcher"} {
		out, ok := under("strict", false).run(t, "enter", way, "0", programs+"/secret", "true")
		wantDenied(t, out, ok, `exec "/lsm/secret": permission denied`, "AppArmor", "profile strict", `apparmor="DENIED"`)
	}
}
