//go:build linux && cgo

package nsenter_test

import (
	"fmt"
	"os"
	"strings"
	"testing"

	"nsexec/internal/testutil"
	"nsexec/ns"
	"nsexec/nsenter"
)

// eachMode runs a test for each way of joining.
func eachMode(t *testing.T, test func(t *testing.T, mode nsenter.JoinMode)) {
	for name, mode := range joinModes {
		t.Run(name, func(t *testing.T) { test(t, mode) })
	}
}

func enterSet(t testing.TB, set *ns.Set, mode nsenter.JoinMode) *payload {
	t.Helper()
	cmd := nsenter.Command(set, "/bin/sh", "-c", sayPIDAndWait)
	cmd.ForceJoin(mode)
	return enter(t, cmd)
}

// ofTarget joins everything that a target has of its own.
func ofTarget(t *testing.T, types ns.Type) {
	t.Helper()
	target := testutil.Target(t, uint64(types))
	set := setOf(t, target.PID, ns.Type(target.Types))
	eachMode(t, func(t *testing.T, mode nsenter.JoinMode) {
		checkInside(t, enterSet(t, set, mode), target.PID)
	})
}

func TestEveryTypeAlone(t *testing.T) {
	baseline(t)
	supported, err := ns.Supported()
	if err != nil {
		t.Fatal(err)
	}
	for _, typ := range supported.Types() {
		t.Run(typ.Name(), func(t *testing.T) { ofTarget(t, typ) })
	}
}

func TestEveryTypeWithUser(t *testing.T) {
	baseline(t)
	for _, typ := range (ns.All &^ ns.User).Types() {
		t.Run(typ.Name(), func(t *testing.T) { ofTarget(t, typ|ns.User) })
	}
}

func TestAllTypes(t *testing.T) {
	baseline(t)
	t.Run("with user", func(t *testing.T) { ofTarget(t, ns.All) })
	t.Run("without user", func(t *testing.T) { ofTarget(t, ns.All&^ns.User) })
}

// All of a process that shares most namespaces with us: those are no error, and nothing is joined twice.
func TestAllOfTargetThatSharesMost(t *testing.T) {
	baseline(t)
	target := testutil.Target(t, uint64(ns.UTS))
	set := setOf(t, target.PID, ns.All)
	eachMode(t, func(t *testing.T, mode nsenter.JoinMode) {
		checkInside(t, enterSet(t, set, mode), target.PID)
	})
}

// A set of our own namespaces joins nothing, and needs no privilege.
func TestOwnNamespaces(t *testing.T) {
	baseline(t)
	handle, err := ns.Current(ns.Net)
	for _, set := range []*ns.Set{nil, setOfHandle(t, handle, err), setOf(t, os.Getpid(), ns.All)} {
		checkInside(t, enterSet(t, set, nsenter.JoinAuto), os.Getpid())
	}
}

func TestContainers(t *testing.T) {
	baseline(t)
	for _, runtime := range []string{"runc", "crun"} {
		for _, extra := range []ns.Type{0, ns.User} {
			t.Run(fmt.Sprintf("%s %s", runtime, extra.Name()), func(t *testing.T) {
				target := testutil.Container(t, runtime, testutil.ContainerTypes|uint64(extra))
				set := setOf(t, target.PID, ns.All)
				eachMode(t, func(t *testing.T, mode nsenter.JoinMode) {
					p := enterSet(t, set, mode)
					checkInside(t, p, target.PID)
					checkHostname(t, set, mode)
				})
			})
		}
	}
}

// checkHostname asks a program that only the container has for a name that only the container has.
func checkHostname(t *testing.T, set *ns.Set, mode nsenter.JoinMode) {
	t.Helper()
	cmd := nsenter.Command(set, "busybox", "hostname")
	cmd.Env = []string{"PATH=/bin"}
	cmd.ForceJoin(mode)
	out, err := cmd.Output()
	if err != nil || strings.TrimSpace(string(out)) != "target" {
		t.Errorf("hostname in the container: %q, %v", out, err)
	}
}
