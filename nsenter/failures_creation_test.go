//go:build linux && cgo

package nsenter_test

import (
	"errors"
	"os"
	"strings"
	"testing"
	"time"

	"golang.org/x/sys/unix"

	"nsexec/ns"
	"nsexec/nsenter"
)

// ofCreating is the want of a namespace that cannot be created.
func ofCreating(errno nsenter.Errno, typ ns.Type, says ...string) whole {
	return whole{refusal: refusal{errno: errno, stage: nsenter.Stage0, op: "create"}, typ: typ, says: says}
}

var creationFailures = []failure{
	{name: "no more user namespaces", in: inUserNamespace, fails: atLimit(ns.User),
		want: ofCreating(unix.ENOSPC, ns.User, "the sysctl user.max_user_namespaces", "or user namespaces are nested 32 deep")},
	{name: "no more pid namespaces", in: inUserNamespace, fails: atLimit(ns.PID),
		want: ofCreating(unix.ENOSPC, ns.PID, "the sysctl user.max_pid_namespaces", "or pid namespaces are nested 32 deep")},
	{name: "restricted by AppArmor", in: sysctl("apparmor_restrict_unprivileged_userns", "1"), fails: creates(ns.User),
		want: ofCreating(unix.EPERM, ns.User, "restricted here: kernel.apparmor_restrict_unprivileged_userns is 1")},
	{name: "restricted by Debian", in: sysctl("unprivileged_userns_clone", "0"), fails: creates(ns.User),
		want: ofCreating(unix.EPERM, ns.User, "restricted here: kernel.unprivileged_userns_clone is 0")},
	{name: "without privilege", in: asNobody, fails: changed(func(c *nsenter.Cmd) { c.Unshare = ns.UTS }),
		want: ofCreating(unix.EPERM, ns.UTS, "create a user namespace as well")},
	{name: "id that nobody has to map", want: ofCaller(unix.EPERM, "write uid map", "0 1 1", "line 1"), in: inUserNamespace,
		fails: changed(func(c *nsenter.Cmd) {
			c.Unshare, c.New.UIDMappings = ns.User, []nsenter.IDMap{{ContainerID: 0, HostID: 1, Size: 1}}
		})},
	{name: "negative clock", want: whole{refusal: refusal{errno: unix.ERANGE, stage: nsenter.Stage0, op: "write time offsets"}, says: []string{"a clock would be negative"}},
		fails: func(_ *testing.T, command starter, want *whole) error {
			cmd := createdBy(command, ns.Time)
			cmd.New.Monotonic = -100 * 365 * 24 * time.Hour
			err := cmd.Run()
			var e *nsenter.Error
			if errors.As(err, &e) {
				want.path = e.Path // the offsets, as the kernel was told them
			}
			return err
		}},
	{name: "host name too long", want: whole{refusal: refusal{errno: unix.EINVAL, stage: nsenter.Stage0, op: "set host name", path: strings.Repeat("h", 65)}, says: []string{"64 bytes"}},
		fails: func(_ *testing.T, command starter, _ *whole) error {
			cmd := createdBy(command, ns.UTS)
			cmd.New.Hostname = strings.Repeat("h", 65)
			return cmd.Run()
		}},
	{name: "nowhere to mount procfs", want: whole{refusal: refusal{errno: unix.ENOENT, stage: nsenter.Stage1, op: "open", path: "/no/such"}},
		fails: func(_ *testing.T, command starter, _ *whole) error {
			cmd := createdBy(command, ns.Mount|ns.PID)
			cmd.New.MountProc, cmd.New.ProcDir = true, "/no/such"
			return cmd.Run()
		}},
}

func creates(types ns.Type) func(*testing.T, starter, *whole) error {
	return func(_ *testing.T, command starter, _ *whole) error { return createdBy(command, types).Run() }
}

// atLimit creates one where there may be none.
func atLimit(typ ns.Type) func(*testing.T, starter, *whole) error {
	return func(t *testing.T, command starter, _ *whole) error {
		if err := os.WriteFile("/proc/sys/user/max_"+typ.Name()+"_namespaces", []byte("0"), 0); err != nil {
			t.Fatal(err)
		}
		return createdBy(command, typ).Run()
	}
}

// sysctl is an ordinary user who sees that one, and may create no user namespace: see restricted.
func sysctl(name, value string) func(*testing.T) bool {
	return func(t *testing.T) bool { return restricted(t, name, value, true) }
}
