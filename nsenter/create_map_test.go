//go:build linux && cgo

package nsenter_test

import (
	"fmt"
	"math"
	"os"
	"strings"
	"syscall"
	"testing"

	"nsexec/internal/testutil"
	"nsexec/ns"
	"nsexec/nsenter"
)

const showMaps = "cat /proc/self/uid_map /proc/self/gid_map"

// mapping is a program in a new user namespace with these maps, for users and groups alike.
func mapping(script string, maps ...nsenter.IDMap) *nsenter.Cmd {
	cmd := nsenter.Command(nil, "/bin/sh", "-c", script)
	cmd.Unshare = ns.User
	cmd.New.UIDMappings, cmd.New.GIDMappings = maps, maps
	return cmd
}

func idMap(inside, outside, size int) nsenter.IDMap {
	return nsenter.IDMap{ContainerID: inside, HostID: outside, Size: size}
}

// scattered is n lines of one id each, from a range of which every second one is left out.
func scattered(n, from int) (maps []nsenter.IDMap) {
	for i := range n {
		maps = append(maps, idMap(i, from+2*i, 1))
	}
	return maps
}

func TestMapRanges(t *testing.T) {
	testutil.NeedRoot(t)
	baseline(t)
	cmd := mapping(showMaps, idMap(0, 100000, 10), idMap(20, 200000, 5), idMap(1000, 300000, 65536))
	const lines = "0 100000 10 20 200000 5 1000 300000 65536"
	wantSays(t, cmd, lines+" "+lines)
}

// PROBLEMS 17: as many lines as the kernel takes.
func TestProblem17MapOf340Lines(t *testing.T) {
	testutil.NeedRoot(t)
	baseline(t)
	wantSays(t, mapping("wc -l </proc/self/uid_map; wc -l </proc/self/gid_map; id -u; id -g", scattered(340, 1000)...), "340 340 0 0")
}

// PROBLEMS 17: what the kernel cannot but refuse is refused before anything is started.
func TestProblem17MapRefused(t *testing.T) {
	baseline(t)
	own := os.Geteuid()
	for says, maps := range map[string][]nsenter.IDMap{
		"341 lines, of which the kernel takes 340":      scattered(341, 1000),
		"bytes of lines, of which the kernel takes le":  scattered(340, 1<<30),
		"line 2: it overlaps with line 1":               {idMap(0, own, 2), idMap(1, own+10, 1)},
		"line 3: it overlaps with line 2":               {idMap(0, own, 1), idMap(1, own+10, 5), idMap(10, own+14, 1)},
		"line 1: a range that is empty or negative":     {idMap(0, own, 0)},
		"line 2: a range that is empty or negative":     {idMap(0, own, 1), idMap(-1, own+1, 1)},
		"line 1: a range that ends above":               {idMap(math.MaxUint32-1, own, 2)},
		"line 2: a range that ends above the largest i": {idMap(0, own, 1), idMap(1, own+1, math.MaxUint32)},
	} {
		cmd := mapping("true", maps...)
		wantRefused(t, cmd, nsenter.StageCaller, syscall.EINVAL, says)
		cmd = mapping("true")
		cmd.New.GIDMappings = maps
		wantRefused(t, cmd, nsenter.StageCaller, syscall.EINVAL, "write gid map")
	}
}

// Ids that the caller's own user namespace does not have.
func TestMapOutsideOwnRanges(t *testing.T) {
	if !inUserNamespace(t) {
		return
	}
	baseline(t)
	wantRefused(t, mapping("true", idMap(0, 0, 1), idMap(1, 70000, 1)), nsenter.StageCaller, syscall.EPERM, `write uid map "1 70000 1"`)
	wantRefused(t, mapping("true", idMap(0, 0, 1), idMap(1, 70000, 1)), nsenter.StageCaller, syscall.EPERM, "line 2: ")
	wantRefused(t, mapping("true", idMap(0, 0, 2)), nsenter.StageCaller, syscall.EPERM, "line 1: ")
}

// Ids that the user namespace does not have that is joined before. Of a bare handle the kernel alone knows that.
func TestMapOutsideJoinedRanges(t *testing.T) {
	testutil.Needs(t, "pidfd_open") // to know the process whose map to read
	beSubreaper(t)                  // helpers that are left to somebody are left to us
	baseline(t)
	target := testutil.Target(t, uint64(ns.User))
	cmd := nsenter.Command(setOf(t, target.PID, ns.User), "true")
	cmd.Unshare = ns.User
	cmd.New.UIDMappings = []nsenter.IDMap{idMap(0, 0, 1), idMap(1, 70000, 1)}
	wantRefused(t, cmd, nsenter.StageCaller, syscall.EPERM, `write uid map "1 70000 1"`)
	cmd = nsenter.Command(setOf(t, target.PID, ns.User), "true")
	cmd.Unshare = ns.User
	cmd.New.GIDMappings = []nsenter.IDMap{idMap(0, 0, 1), idMap(1, 70000, 1)}
	wantRefused(t, cmd, nsenter.StageCaller, syscall.EPERM, "line 2: ")

	handle, err := ns.OpenPID(target.PID, ns.User)
	cmd = nsenter.Command(setOfHandle(t, handle, err), "true")
	cmd.Unshare = ns.User
	cmd.New.UIDMappings = []nsenter.IDMap{idMap(0, 0, 1), idMap(1, 70000, 1)}
	wantRefused(t, cmd, nsenter.Stage0, syscall.EPERM, "write uid map")
}

func TestMapInsideJoinedRanges(t *testing.T) {
	testutil.NeedRoot(t)
	baseline(t)
	target := testutil.Target(t, testutil.AllTypes) // has 65536 ids
	cmd := nsenter.Command(setOf(t, target.PID, ns.All), "/bin/sh", "-c", showMaps)
	cmd.Unshare = ns.User
	cmd.New.UIDMappings = []nsenter.IDMap{idMap(0, 1000, 100), idMap(100, 5000, 10)}
	cmd.New.GIDMappings = scattered(3, 0)
	wantSays(t, cmd, "0 1000 100 100 5000 10 0 0 1 1 2 1 2 4 1")
}

func TestMapRootAndCurrentUser(t *testing.T) {
	baseline(t)
	uid, gid := os.Geteuid(), os.Getegid()
	const script = showMaps + " /proc/self/setgroups; id -u; id -g"
	cmd := nsenter.Command(nil, "/bin/sh", "-c", script)
	cmd.MapRoot()
	wantSays(t, cmd, fmt.Sprintf("0 %d 1 0 %d 1 deny 0 0", uid, gid))
	cmd = nsenter.Command(nil, "/bin/sh", "-c", script)
	cmd.MapCurrentUser()
	wantSays(t, cmd, fmt.Sprintf("%d %d 1 %d %d 1 deny %d %d", uid, uid, gid, gid, uid, gid))
}

func TestSetgroups(t *testing.T) {
	testutil.NeedRoot(t)
	baseline(t)
	cmd := mapping("cat /proc/self/setgroups; id -u; id -g; id -G", idMap(0, 100000, 65536))
	cmd.Credential = &nsenter.Credential{UID: 5, GID: 6, Groups: []int{7, 8}}
	wantSays(t, cmd, "allow 5 6 6 7 8")
	cmd = mapping("cat /proc/self/setgroups", idMap(0, 100000, 65536))
	cmd.New.DenySetgroups = true
	wantSays(t, cmd, "deny")
}

// Without maps nobody is anybody.
func TestUserNamespaceWithNoMap(t *testing.T) {
	baseline(t)
	if out := says(t, mapping("cat /proc/self/uid_map; id -u")); strings.TrimSpace(out) != "65534" {
		t.Errorf("says %q", out)
	}
}
