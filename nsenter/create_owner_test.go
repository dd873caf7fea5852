//go:build linux && cgo

package nsenter_test

import (
	"fmt"
	"os"
	"os/exec"
	"strconv"
	"strings"
	"syscall"
	"testing"

	"nsexec/internal/testutil"
	"nsexec/ns"
	"nsexec/nsenter"
)

// owned is a payload in a new user namespace, below a set, that is to belong to somebody.
func owned(set *ns.Set, owner *nsenter.Credential, size int) *nsenter.Cmd {
	cmd := creatingBelow(set, ns.User|ns.Time, sayPIDAndWait)
	cmd.New.UIDMappings, cmd.New.GIDMappings = []nsenter.IDMap{idMap(0, 0, size)}, []nsenter.IDMap{idMap(0, 0, size)}
	cmd.New.Owner = owner
	return cmd
}

func ownerOf(t *testing.T, pid int) int {
	t.Helper()
	h, err := ns.OpenPID(pid, ns.User)
	if err != nil {
		t.Fatal(err)
	}
	defer h.Close()
	uid, err := h.OwnerUID()
	if err != nil {
		t.Fatal(err)
	}
	return uid
}

func TestOwner(t *testing.T) {
	testutil.NeedRoot(t)
	baseline(t)
	for _, test := range []struct {
		owner *nsenter.Credential
		uid   int
	}{
		{nil, 0},
		{&nsenter.Credential{UID: ordinaryUser, GID: ordinaryUser}, ordinaryUser},
		{&nsenter.Credential{UID: ordinaryUser, GID: nsenter.Unchanged}, ordinaryUser},
		{&nsenter.Credential{UID: nsenter.Unchanged, GID: ordinaryUser}, 0},
		{&nsenter.Credential{UID: nsenter.Unchanged, GID: nsenter.Unchanged}, 0},
	} {
		p := enter(t, owned(nil, test.owner, 1000))
		if uid := ownerOf(t, p.Process.Pid); uid != test.uid {
			t.Errorf("owned by %d, want %v: %d", uid, test.owner, test.uid)
		}
		if ids := statusOf(t, p.Process.Pid, "Uid"); ids[0] != "0" {
			t.Errorf("the payload of %v is %v", test.owner, ids)
		}
		p.end(t)
	}
}

// The ids are those of the user namespace that is joined before.
func TestOwnerInsideJoined(t *testing.T) {
	testutil.NeedRoot(t)
	baseline(t)
	target := testutil.Target(t, testutil.AllTypes) // has the ids from 100000 on
	p := enter(t, owned(setOf(t, target.PID, ns.All), &nsenter.Credential{UID: 7, GID: 8}, 10))
	if uid := ownerOf(t, p.Process.Pid); uid != 100007 {
		t.Errorf("owned by %d, want 100007", uid)
	}
	cmd := owned(setOf(t, target.PID, ns.All), &nsenter.Credential{UID: 70000, GID: 8}, 10)
	wantRefused(t, cmd, nsenter.Stage0, syscall.EINVAL, "the owner is not mapped")
}

// The point of it: the owner has all capabilities inside, from outside.
func TestOwnerMayEnter(t *testing.T) {
	testutil.NeedRoot(t)
	if _, err := exec.LookPath("setpriv"); err != nil {
		testutil.Skip(t, "setpriv is not installed")
	}
	for uid, may := range map[int]bool{ordinaryUser: true, ordinaryUser + 1: false} {
		p := enter(t, owned(nil, &nsenter.Credential{UID: ordinaryUser, GID: ordinaryUser}, 1))
		id := strconv.Itoa(uid)
		enter := exec.Command("setpriv", "--reuid", id, "--regid", id, "--clear-groups",
			"nsenter", "-U", "--preserve-credentials", "-t", strconv.Itoa(p.Process.Pid), "true")
		if out, err := enter.CombinedOutput(); (err == nil) != may {
			t.Errorf("%d enters: %v, want %v: %s", uid, err, may, out)
		}
	}
}

// Oneself is an owner that takes no privilege; another is refused before anything of it exists.
func TestOwnerWithoutPrivilege(t *testing.T) {
	if !asOrdinaryUser(t) {
		return
	}
	baseline(t)
	cmd := creating(ns.User, "cat /proc/self/uid_map")
	cmd.New.Owner = &nsenter.Credential{UID: os.Geteuid(), GID: os.Getegid()}
	wantSays(t, cmd, fmt.Sprintf("0 %d 1", os.Geteuid()))
	cmd = creating(ns.User, "true")
	cmd.New.Owner = &nsenter.Credential{UID: os.Geteuid() + 1, GID: nsenter.Unchanged}
	wantRefused(t, cmd, nsenter.Stage0, syscall.EPERM, "become owner of user namespace")
}

func TestOwnerRefused(t *testing.T) {
	baseline(t)
	for says, owner := range map[string]*nsenter.Credential{
		"not by Groups": {UID: 1, GID: 1, Groups: []int{1}},
		"set ids":       {UID: -2, GID: 1},
	} {
		cmd := creating(ns.User, "true")
		cmd.New.Owner = owner
		wantRefused(t, cmd, nsenter.StageCaller, nil, says)
	}
}

// Whoever is not root there loses all capabilities at exec, but for those that are ambient.
func TestKeepCapabilities(t *testing.T) {
	baseline(t)
	const script = "grep -E '^Cap(Inh|Prm|Eff|Amb)' /proc/self/status"
	for _, keep := range []bool{true, false} {
		cmd := nsenter.Command(nil, "/bin/sh", "-c", script)
		cmd.MapCurrentUser()
		cmd.New.UIDMappings[0].ContainerID, cmd.New.GIDMappings[0].ContainerID = 1234, 1234
		cmd.Credential = &nsenter.Credential{UID: 1234, GID: 1234}
		cmd.New.KeepCapabilities = keep
		fields := strings.Fields(says(t, cmd))
		all := lastCapabilities(t)
		if !keep {
			all = 0
		}
		for i := 1; i < len(fields); i += 2 {
			if got, err := strconv.ParseUint(fields[i], 16, 64); err != nil || got != all {
				t.Errorf("keep: %v, %s %x, want %x", keep, fields[i-1], got, all)
			}
		}
	}
}

// lastCapabilities is all that this kernel has.
func lastCapabilities(t *testing.T) uint64 {
	t.Helper()
	text, err := os.ReadFile("/proc/sys/kernel/cap_last_cap")
	if err != nil {
		t.Fatal(err)
	}
	last, err := strconv.Atoi(strings.TrimSpace(string(text)))
	if err != nil {
		t.Fatal(err)
	}
	return 1<<(last+1) - 1
}

// They survive the change of ids, too, and work.
func TestKeepCapabilitiesAsAnotherUser(t *testing.T) {
	testutil.NeedRoot(t)
	baseline(t)
	const script = "unshare -m --propagation unchanged id -u; grep CapEff /proc/self/status"
	cmd := mapping(script, idMap(0, 100000, 65536))
	cmd.Credential = &nsenter.Credential{UID: 5, GID: 6}
	cmd.New.KeepCapabilities = true
	wantSays(t, cmd, fmt.Sprintf("5 CapEff: %016x", lastCapabilities(t)))
}
