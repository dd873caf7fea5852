//go:build linux && cgo

package nsenter_test

import (
	"os"
	"testing"

	"nsexec/internal/testutil"
	"nsexec/ns"
)

func create(t *testing.T, types ns.Type) {
	t.Helper()
	cmd := creating(types, sayPIDAndWait)
	p := enter(t, cmd)
	checkCreated(t, p.Process.Pid, os.Getpid(), cmd.Unshare)
	checkIdentity(t, p)
	if types&ns.PID != 0 && p.inner != 1 {
		t.Errorf("in its pid namespace it is process %d", p.inner)
	}
}

func TestCreateEachType(t *testing.T) {
	baseline(t)
	supported, err := ns.Supported()
	if err != nil {
		t.Fatal(err)
	}
	for _, typ := range supported.Types() {
		t.Run(typ.Name(), func(t *testing.T) { create(t, typ) })
	}
	t.Run("all", func(t *testing.T) { create(t, supported) })
	t.Run("all but user", func(t *testing.T) { create(t, supported&^ns.User) })
	t.Run("none", func(t *testing.T) { create(t, 0) })
}

// Our own namespaces, joined and left again: nothing is joined, and the new ones begin here.
func TestCreateOnTopOfOwn(t *testing.T) {
	baseline(t)
	set := setOf(t, os.Getpid(), ns.All)
	cmd := creatingBelow(set, ns.User|ns.UTS, sayPIDAndWait)
	p := enter(t, cmd)
	checkCreated(t, p.Process.Pid, os.Getpid(), ns.User|ns.UTS)
	uidMap := statusOf(t, p.Process.Pid, "Uid")
	if want := statusOf(t, os.Getpid(), "Uid"); uidMap[0] != want[0] {
		t.Errorf("root of the new user namespace is %s here, want %s", uidMap[0], want[0])
	}
}

// The caller's thread is where it was.
func TestCreateLeavesCallerAlone(t *testing.T) {
	before := testutil.Namespaces(t, os.Getpid())
	says(t, creating(ns.All, "true"))
	checkNamespaces(t, os.Getpid(), before)
}
