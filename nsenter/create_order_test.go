//go:build linux && cgo

package nsenter_test

import (
	"fmt"
	"os"
	"path/filepath"
	"slices"
	"strings"
	"testing"

	"nsexec/internal/testutil"
	"nsexec/ns"
	"nsexec/nsenter"
)

// The user namespace comes first and alone, so that it owns the rest, and so that what SELinux labels is labelled there.
func TestCreateUserFirst(t *testing.T) {
	baseline(t)
	cmd := creating(ns.All, "true")
	var created []ns.Type
	cmd.Trace = func(s nsenter.Step) {
		if s.Op == "create" || s.Op == "enter new" {
			created = append(created, s.Type)
		}
	}
	says(t, cmd)
	if want := []ns.Type{ns.User, ns.All &^ (ns.User | ns.Time | ns.PID), ns.Time, ns.PID}; !slices.Equal(created, want) {
		t.Errorf("created in the order %v, want %v", created, want)
	}
}

// All that is created belongs to the user namespace that is.
func TestCreatedBelongsToUserNamespace(t *testing.T) {
	baseline(t)
	p := enter(t, creating(ns.All, sayPIDAndWait))
	set := setOf(t, p.Process.Pid, ns.All)
	for _, typ := range (ns.All &^ ns.User).Types() {
		owner, err := set.Handle(typ).OwnerID()
		if err != nil || owner != set.Handle(ns.User).ID() {
			t.Errorf("%s namespace is owned by %v (%v), want %v", typ.Name(), owner, err, set.Handle(ns.User).ID())
		}
	}
}

// Any subset of the eight: in short mode a few of the 256.
func TestCreateSubsets(t *testing.T) {
	baseline(t)
	all := ns.All.Types()
	step := 1
	if testing.Short() {
		step = 17
	}
	for bits := 0; bits < 1<<len(all); bits += step {
		var types ns.Type
		for i, typ := range all {
			if bits>>i&1 == 1 {
				types |= typ
			}
		}
		cmd := creating(types, "readlink /proc/self/ns/*")
		inside := inodesIn(t, says(t, cmd))
		for name, inode := range testutil.Namespaces(t, os.Getpid()) {
			isNew := cmd.Unshare&ns.Type(testutil.TypeBits[name]) != 0
			if inside[name] == 0 || (inside[name] != inode) != isNew {
				t.Errorf("%v: %s namespace is %d, ours %d", types, name, inside[name], inode)
			}
		}
	}
}

// inodesIn reads what readlink says of /proc/self/ns: "net:[4026531840]".
func inodesIn(t *testing.T, links string) map[string]uint64 {
	t.Helper()
	inodes := make(map[string]uint64)
	for _, link := range strings.Fields(links) {
		name, number, _ := strings.Cut(link, ":")
		var inode uint64
		if _, err := fmt.Sscanf(number, "[%d]", &inode); err != nil {
			t.Fatalf("link %q: %v", link, err)
		}
		inodes[name] = inode
	}
	return inodes
}

// Each helper is run once at most, whatever the number of lines, and before anything of the target's is joined.
func TestMapHelpersRunOnce(t *testing.T) {
	if !asAccount(t) {
		return
	}
	baseline(t)
	dir := worldDir(t)
	said := filepath.Join(dir, "said")
	for _, name := range []string{"newuidmap", "newgidmap"} {
		script := fmt.Sprintf("#!/bin/sh\necho %s $(readlink /proc/$1/ns/net) >>%s\nexec /usr/bin/%s \"$@\"\n", name, said, name)
		writeFile(t, filepath.Join(dir, name), script, 0o755|os.ModeSetuid)
	}
	t.Setenv("PATH", dir+":/usr/bin:/bin")
	cmd := mapping("true", scattered(300, 3000)...)
	cmd.Unshare = ns.All
	says(t, cmd)
	text, err := os.ReadFile(said)
	net := fmt.Sprintf("net:[%d]", testutil.Namespace(t, os.Getpid(), "net"))
	if want := fmt.Sprintf("newuidmap %s\nnewgidmap %s\n", net, net); err != nil || string(text) != want {
		t.Errorf("they were run as %q (%v), want %q", text, err, want)
	}
	cmd = mapping("true", scattered(300, 3000)...)
	cmd.New.GIDMappings = nil
	says(t, cmd)
	if text, err := os.ReadFile(said); err != nil || strings.Count(string(text), "newgidmap") != 1 {
		t.Errorf("without groups they were run as %q (%v)", text, err)
	}
}
