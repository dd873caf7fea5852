//go:build linux && cgo

package nsenter_test

import (
	"fmt"
	"os"
	"testing"

	"nsexec/internal/testutil"
	"nsexec/ns"
	"nsexec/nsenter"
)

// enterBy starts a payload by a launcher, and waits until its program runs.
func enterBy(t testing.TB, l *nsenter.Launcher, set *ns.Set, mode nsenter.JoinMode) *payload {
	t.Helper()
	cmd := l.Command(set, "/bin/sh", "-c", sayPIDAndWait)
	cmd.ForceJoin(mode)
	return enter(t, cmd)
}

// launcherJoins enters by a launcher everything that a target has of its own, in each way.
func launcherJoins(t *testing.T, l *nsenter.Launcher, types ns.Type) {
	t.Helper()
	target := testutil.Target(t, uint64(types))
	set := setOf(t, target.PID, ns.Type(target.Types))
	eachMode(t, func(t *testing.T, mode nsenter.JoinMode) {
		checkInside(t, enterBy(t, l, set, mode), target.PID)
	})
}

func TestLauncherJoins(t *testing.T) {
	baseline(t)
	l := newLauncher(t)
	supported, err := ns.Supported()
	if err != nil {
		t.Fatal(err)
	}
	for _, typ := range supported.Types() {
		t.Run(typ.Name(), func(t *testing.T) { launcherJoins(t, l, typ) })
		t.Run(typ.Name()+" and user", func(t *testing.T) { launcherJoins(t, l, typ|ns.User) })
		t.Run("all but "+typ.Name(), func(t *testing.T) { launcherJoins(t, l, supported&^typ) })
	}
	t.Run("all", func(t *testing.T) { launcherJoins(t, l, supported) })
	t.Run("own", func(t *testing.T) {
		for _, set := range []*ns.Set{nil, setOf(t, os.Getpid(), ns.All)} {
			checkInside(t, enterBy(t, l, set, nsenter.JoinAuto), os.Getpid())
		}
	})
}

// Parts of what a target has, and the launcher is where it was after each.
func TestLauncherJoinsSubsets(t *testing.T) {
	baseline(t)
	l := newLauncher(t)
	target := makeTopology(t, topologies["user namespace owns all"].script)
	for _, types := range []ns.Type{ns.User, ns.User | ns.Net, ns.User | ns.PID, ns.User | ns.Mount | ns.UTS, ns.All &^ ns.Time} {
		t.Run(types.String(), func(t *testing.T) {
			set := setOf(t, target, types)
			eachMode(t, func(t *testing.T, mode nsenter.JoinMode) {
				checkSetBy(t, l, set, mode)
				checkInside(t, enterBy(t, l, nil, nsenter.JoinAuto), os.Getpid())
			})
		})
	}
}

// checkSetBy enters by a launcher and compares the payload's namespaces with the set's.
func checkSetBy(t *testing.T, l *nsenter.Launcher, set *ns.Set, mode nsenter.JoinMode) {
	t.Helper()
	want := testutil.Namespaces(t, os.Getpid())
	for _, typ := range set.Types().Types() {
		want[typ.Name()] = set.Handle(typ).ID().Ino
	}
	p := enterBy(t, l, set, mode)
	checkNamespaces(t, p.Process.Pid, want)
	checkIdentity(t, p)
}

func TestLauncherInTopologies(t *testing.T) {
	baseline(t)
	l := newLauncher(t)
	for name, top := range topologies {
		if top.privileged && testutil.Who() == testutil.User {
			continue // what root alone can make is no topology of an ordinary user's
		}
		t.Run(name, func(t *testing.T) {
			set := setOf(t, makeTopology(t, top.script), ns.All)
			eachMode(t, func(t *testing.T, mode nsenter.JoinMode) { checkSetBy(t, l, set, mode) })
		})
	}
}

// Handles from several places, one of them our own. An ordinary user enters strangers' namespaces in no way.
func TestLauncherJoinsMixedHandles(t *testing.T) {
	baseline(t)
	l := newLauncher(t)
	first := makeTopology(t, "unshare -Urnu $TARGET <&3")
	second := makeTopology(t, "unshare -Urnu $TARGET <&3")
	for name, pids := range map[string]map[ns.Type]int{
		"same":           {ns.User: first, ns.UTS: first, ns.Net: first},
		"own and theirs": {ns.User: first, ns.UTS: os.Getpid(), ns.Net: first},
		"strangers":      {ns.User: first, ns.UTS: first, ns.Net: second},
	} {
		t.Run(name, func(t *testing.T) {
			set := mixed(t, pids)
			err := l.Command(set, "/bin/true").Run()
			if oneShot := nsenter.Command(set, "/bin/true").Run(); (err == nil) != (oneShot == nil) {
				t.Fatalf("by a launcher: %v; without: %v", err, oneShot)
			}
			if err == nil {
				checkSetBy(t, l, set, nsenter.JoinAuto)
			} else if name != "strangers" {
				t.Error(err)
			}
		})
	}
}

// New namespaces, by themselves and below those of a target.
func TestLauncherCreates(t *testing.T) {
	baseline(t)
	l := newLauncher(t)
	target := testutil.Target(t, uint64(reachable()))
	set := setOf(t, target.PID, ns.Type(target.Types))
	for _, types := range []ns.Type{ns.User, ns.UTS | ns.IPC, ns.PID, ns.PID | ns.Mount, ns.Time, ns.All &^ ns.User, ns.All} {
		t.Run(fmt.Sprint(types, " below a target"), func(t *testing.T) { createBy(t, l, set, types, target.PID) })
		t.Run(types.String(), func(t *testing.T) { createBy(t, l, nil, types, os.Getpid()) })
	}
}

func createBy(t *testing.T, l *nsenter.Launcher, set *ns.Set, types ns.Type, base int) {
	t.Helper()
	like := creatingBelow(set, types, sayPIDAndWait)
	cmd := l.Command(set, like.Path, like.Args[1:]...)
	cmd.Unshare, cmd.New = like.Unshare, like.New
	p := enter(t, cmd)
	checkCreated(t, p.Process.Pid, base, cmd.Unshare)
	checkIdentity(t, p)
	if types&ns.PID != 0 && p.inner != 1 {
		t.Errorf("in its pid namespace it is process %d", p.inner)
	}
}

func TestLauncherInContainers(t *testing.T) {
	baseline(t)
	l := newLauncher(t)
	for _, runtime := range []string{"runc", "crun"} {
		for _, extra := range []ns.Type{0, ns.User} {
			t.Run(runtime+" "+extra.Name(), func(t *testing.T) {
				target := testutil.Container(t, runtime, testutil.ContainerTypes|uint64(extra))
				set := setOf(t, target.PID, ns.All)
				eachMode(t, func(t *testing.T, mode nsenter.JoinMode) {
					checkInside(t, enterBy(t, l, set, mode), target.PID)
				})
				hostname := l.Command(set, "busybox", "hostname") // which only the container has
				hostname.Env = []string{"PATH=/bin"}
				wantSays(t, hostname, "target")
			})
		}
	}
}
