//go:build linux && cgo

package nsenter_test

import (
	"debug/elf"
	"fmt"
	"os"
	"os/exec"
	"path/filepath"
	"testing"

	"golang.org/x/sys/unix"

	"nsexec/internal/testutil"
	"nsexec/ns"
	"nsexec/nsenter"
)

// ofJoining is the want of a namespace that cannot be joined.
func ofJoining(errno nsenter.Errno, stage nsenter.Stage, typ ns.Type, says ...string) whole {
	return whole{refusal: refusal{errno: errno, stage: stage, op: "join"}, typ: typ, says: says}
}

var joinFailures = []failure{
	{name: "no capability in the owner", in: nobodyWith(ns.Net),
		want:  ofJoining(unix.EPERM, nsenter.Stage0, ns.Net, "CAP_SYS_ADMIN in user:[", "of uid 0, which owns net:[", "the caller, uid 47110", "neither"),
		fails: handed},
	{name: "owner above", in: belowWith(ns.Net), fails: handed,
		want: ofJoining(unix.EPERM, nsenter.StageCaller, ns.Net, "neither the caller's nor below it", "net:[", "the caller, uid 0", "user:[")},
	{name: "user namespace above", in: belowWith(ns.User), fails: handed,
		want: ofJoining(unix.EPERM, nsenter.Stage0, ns.User, "CAP_SYS_ADMIN in user:[")},
	{name: "no capability of ones own", in: asNobody,
		want: ofJoining(unix.EPERM, nsenter.Stage0, ns.Net, "the caller's own user namespace too", "join a user namespace as well"),
		fails: func(t *testing.T, command starter, _ *whole) error {
			return command(setOf(t, testutil.Target(t, uint64(ns.Net)).PID, ns.Net), "/bin/true").Run()
		}},
	{name: "no CAP SYS CHROOT", in: withoutChroot,
		want: ofJoining(unix.EPERM, nsenter.Stage0, ns.Mount, "takes CAP_SYS_CHROOT", "mnt:[", "has CAP_SYS_ADMIN there, but no CAP_SYS_CHROOT"),
		fails: func(t *testing.T, command starter, _ *whole) error {
			return command(setOf(t, testutil.Target(t, uint64(ns.Mount)).PID, ns.Mount), "/bin/true").Run()
		}},
	{name: "pid namespace beside", in: besideWith,
		want:  ofJoining(unix.EINVAL, nsenter.StageCaller, ns.PID, "not a descendant of the caller's pid namespace, pid:[", "pid:["),
		fails: handed},
	{name: "own user namespace", once: true, fails: joinOwnUser,
		want: ofJoining(unix.EINVAL, nsenter.Stage0, ns.User, "is in already")},
	{name: "other threads", in: byItself, once: true, fails: withThreads,
		want: whole{refusal: refusal{stage: nsenter.Stage0}, says: []string{"ended with code 69", "other threads ran before the constructor"}}},
	{name: "target gone", want: func() whole {
		w := ofJoining(unix.ESRCH, nsenter.Stage0, ns.UTS, "exited")
		w.is = ns.ErrProcessGone
		return w
	}(), fails: func(t *testing.T, command starter, want *whole) error {
		testutil.Needs(t, "pidfd_open", "setns:several")
		target := testutil.Target(t, uint64(ns.UTS))
		want.typ = ns.Type(target.Types)
		set := setOf(t, target.PID, ns.Type(target.Types))
		target.Kill()
		cmd := command(set, "/bin/true")
		cmd.ForceJoin(nsenter.JoinByProcess)
		return cmd.Run()
	}},
	{name: "pid namespace that is dead", want: whole{refusal: refusal{errno: unix.ENOMEM, stage: nsenter.Stage0, op: "clone"}, says: []string{"pid namespace's first process"}},
		once: true, fails: func(t *testing.T, command starter, _ *whole) error {
			target := testutil.Target(t, uint64(ns.PID))
			set := setOf(t, target.PID, ns.Type(target.Types))
			target.Kill()
			return command(set, "/bin/true").Run()
		}},
	{name: "id that is not mapped", want: whole{refusal: refusal{errno: unix.EINVAL, stage: nsenter.Stage0, op: "set gid"}, says: []string{"not mapped"}},
		fails: func(t *testing.T, command starter, _ *whole) error {
			cmd := command(setOf(t, testutil.Target(t, uint64(ns.User)).PID, ns.User), "/bin/true")
			cmd.Credential = &nsenter.Credential{UID: 4_000_000, GID: 4_000_000}
			return cmd.Run()
		}},
	{name: "setgroups denied", in: inUserNamespace, want: whole{refusal: refusal{errno: unix.EPERM, stage: nsenter.Stage0, op: "set groups"}, says: []string{"denies setgroups(2)"}},
		fails: changed(func(c *nsenter.Cmd) { c.Credential = &nsenter.Credential{Groups: []int{0}} })},
}

// handed joins what was handed over.
func handed(t *testing.T, command starter, _ *whole) error {
	return command(handedOver(t), "/bin/true").Run()
}

// handing runs the calling test again by way of a command, with a namespace of a process as fd 3.
func handing(t *testing.T, pid int, typ ns.Type, command ...string) {
	t.Helper()
	file, err := os.Open(fmt.Sprintf("/proc/%d/ns/%s", pid, typ.Name()))
	if err != nil {
		t.Fatal(err)
	}
	defer file.Close()
	aloneIn(t, command, file)
}

// nobodyWith is an ordinary user with a namespace of root's.
func nobodyWith(typ ns.Type) func(*testing.T) bool {
	return func(t *testing.T) bool {
		if os.Getenv(aloneVariable) == t.Name() {
			return true
		}
		testutil.NeedRoot(t)
		handing(t, testutil.Target(t, uint64(typ)).PID, typ, asNobodyRun...)
		return false
	}
}

// belowWith is root of a user namespace, with a namespace of the one above.
func belowWith(typ ns.Type) func(*testing.T) bool {
	return func(t *testing.T) bool {
		if os.Getenv(aloneVariable) == t.Name() {
			return true
		}
		handing(t, os.Getpid(), typ, "unshare", "-Urn")
		return false
	}
}

// beside is a command that makes a pid namespace which is no ancestor of the target's: in the user namespace that owns
// that one, or the owner would be the reason.
func beside(target *testutil.Proc) []string {
	command := []string{"unshare", "--pid", "--fork"}
	if os.Geteuid() != 0 {
		user := fmt.Sprintf("--user=/proc/%d/ns/user", target.PID)
		command = append([]string{"nsenter", user, "--preserve-credentials"}, command...)
	}
	return command
}

// besideWith is in a pid namespace beside the one that it is handed.
func besideWith(t *testing.T) bool {
	if os.Getenv(aloneVariable) == t.Name() {
		return true
	}
	target := testutil.Target(t, uint64(ns.PID))
	handing(t, target.PID, ns.PID, beside(target)...)
	return false
}

// withoutChroot is root in all but one capability.
func withoutChroot(t *testing.T) bool {
	if os.Getenv(aloneVariable) == t.Name() {
		return true
	}
	testutil.NeedRoot(t)
	aloneIn(t, []string{"setpriv", "--bounding-set=-sys_chroot", "--inh-caps=-sys_chroot"})
	return false
}

// joinOwnUser asks a stage 0 for what Start never does: it leaves out what the caller is in.
func joinOwnUser(t *testing.T, _ starter, _ *whole) error {
	user, err := os.Open("/proc/self/ns/user")
	if err != nil {
		t.Fatal(err)
	}
	defer user.Close()
	message, err := nsenter.JoinMessage(ns.User)
	if err != nil {
		t.Fatal(err)
	}
	s := startStage0(t)
	if err := unix.Sendmsg(int(s.socket.Fd()), message, unix.UnixRights(int(user.Fd())), nil, 0); err != nil {
		t.Fatal(err)
	}
	e, err := nsenter.ReplyError(s.end(t))
	if err != nil {
		t.Fatal(err)
	}
	nsenter.Explain(e, 0)
	return e
}

// A library that is loaded before has a thread of its own. A static program loads none.
const threadLibrary = `#include <pthread.h>
#include <unistd.h>
static void *sleeper(void *arg) { for (;;) pause(); return arg; }
__attribute__((constructor)) static void start(void) { pthread_t t; pthread_create(&t, 0, sleeper, 0); }
`

func withThreads(t *testing.T, command starter, _ *whole) error {
	if _, err := exec.LookPath("gcc"); err != nil || isStatic(t, zooBinary) {
		testutil.Skip(t, "needs a compiler and a program that loads libraries")
	}
	dir := openDir(t)
	source, library := writeFile(t, filepath.Join(dir, "thread.c"), threadLibrary, 0o644), filepath.Join(dir, "thread.so")
	if out, err := exec.Command("gcc", "-shared", "-fPIC", "-o", library, source, "-pthread").CombinedOutput(); err != nil {
		t.Fatalf("gcc: %v: %s", err, out)
	}
	t.Setenv("LD_PRELOAD", library)
	return command(nil, "/bin/true").Run()
}

func isStatic(t *testing.T, path string) bool {
	t.Helper()
	f, err := elf.Open(path)
	if err != nil {
		t.Fatal(err)
	}
	defer f.Close()
	return f.Section(".interp") == nil
}
