//go:build linux && cgo

package nsenter_test

import (
	"errors"
	"os"
	"strings"
	"testing"

	"nsexec/internal/testutil"
	"nsexec/ns"
	"nsexec/nsenter"
)

// elsewhere calls fn on a thread that is in other UTS and IPC namespaces, and gives it a set of both.
func elsewhere(t *testing.T, fn func(set *ns.Set)) {
	t.Helper()
	if testutil.Who() == testutil.User {
		testutil.Skip(t, "needs root of a user namespace: a thread cannot leave a namespace without privileges")
	}
	do := func(fn func(set *ns.Set)) {
		target := testutil.Target(t, uint64(ns.UTS|ns.IPC))
		set := setOf(t, target.PID, ns.UTS|ns.IPC)
		if err := set.Do(func() error { fn(set); return nil }); err != nil {
			t.Fatal(err)
		}
	}
	do(func(*ns.Set) {}) // opens what is kept on purpose
	baseline(t)
	do(fn)
}

// A payload would be in the launcher's namespaces, where its caller is not.
func TestLauncherRefusesThreadThatHasMoved(t *testing.T) {
	elsewhere(t, func(set *ns.Set) {
		l := newLauncher(t)
		for name, err := range map[string]error{
			"Start": l.Command(nil, "/bin/true").Start(),
			"Call":  errorOf(l.Func(tellWhere.Func).Call(t.Context(), nil, []byte("{}"))),
		} {
			var e *nsenter.Error
			if !errors.As(err, &e) || !errors.Is(err, nsenter.ErrThreadMoved) || e.Type&(ns.UTS|ns.IPC) == 0 ||
				e.Type&^(ns.UTS|ns.IPC) != 0 || e.Op != "use launcher" {
				t.Errorf("%s: %#v", name, err)
			} else if !strings.Contains(err.Error(), "the calling thread has left the launcher's namespaces") {
				t.Errorf("%s: %v", name, err)
			}
		}
	})
}

// What is joined is the same from wherever one starts.
func TestLauncherJoinsFromThreadThatHasMoved(t *testing.T) {
	elsewhere(t, func(set *ns.Set) {
		l := newLauncher(t)
		checkSetBy(t, l, set, nsenter.JoinAuto)
	})
}

// A launcher is in its program's namespaces, whichever thread has asked for it.
func TestLauncherOfThreadThatHasMoved(t *testing.T) {
	var l *nsenter.Launcher
	home := testutil.Namespaces(t, os.Getpid())
	elsewhere(t, func(*ns.Set) {
		l = newLauncher(t)
		checkNamespaces(t, l.PID(), home)
	})
	if l != nil {
		checkInside(t, enterBy(t, l, nil, nsenter.JoinAuto), os.Getpid())
	}
}
