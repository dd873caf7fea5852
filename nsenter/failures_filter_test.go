//go:build linux && cgo

package nsenter_test

import (
	"testing"

	"golang.org/x/sys/unix"

	"nsexec/internal/testutil"
	"nsexec/ns"
	"nsexec/nsenter"
)

// filterFailures are those of a caller that some sandbox has put under a seccomp filter.
var filterFailures = []failure{
	{name: "setns refused by a filter", in: byItself, once: true, want: ofJoining(unix.EPERM, nsenter.Stage0, 0, "seccomp filter"),
		fails: func(t *testing.T, command starter, want *whole) error {
			target := testutil.Target(t, uint64(ns.UTS))
			want.typ = ns.Type(target.Types)
			set := setOf(t, target.PID, want.typ)
			filterOut(t, unix.EPERM, unix.SYS_SETNS)
			return command(set, "/bin/true").Run()
		}},
	{name: "unshare refused by a filter", in: byItself, once: true, want: ofCreating(unix.EPERM, ns.UTS, "seccomp filter"),
		fails: func(t *testing.T, command starter, _ *whole) error {
			cmd := createdBy(command, ns.UTS)
			filterOut(t, unix.EPERM, unix.SYS_UNSHARE)
			return cmd.Run()
		}},
	{name: "mount hidden by a filter", in: byItself, once: true,
		want: whole{refusal: refusal{errno: unix.ENOSYS, stage: nsenter.Stage0, op: "set propagation of"}, typ: ns.Mount,
			says: []string{"no such system call, or a seccomp filter hides it"}},
		fails: func(t *testing.T, command starter, _ *whole) error {
			cmd := createdBy(command, ns.Mount)
			filterOut(t, unix.ENOSYS, unix.SYS_MOUNT)
			return cmd.Run()
		}},
}

// filterOut has the kernel answer a system call of this process with errno, for good.
func filterOut(t *testing.T, errno nsenter.Errno, call uint32) {
	t.Helper()
	filter := []unix.SockFilter{
		{Code: unix.BPF_LD | unix.BPF_W | unix.BPF_ABS}, // its number
		{Code: unix.BPF_JMP | unix.BPF_JEQ | unix.BPF_K, Jf: 1, K: call},
		{Code: unix.BPF_RET | unix.BPF_K, K: unix.SECCOMP_RET_ERRNO | uint32(errno)},
		{Code: unix.BPF_RET | unix.BPF_K, K: unix.SECCOMP_RET_ALLOW},
	}
	if err := testutil.SetFilter(filter); err != nil {
		t.Fatal(err)
	}
}
