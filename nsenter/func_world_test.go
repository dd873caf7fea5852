//go:build linux && cgo

package nsenter_test

import (
	"context"
	"fmt"
	"io"
	"os"
	"testing"

	"nsexec/internal/testutil"
	"nsexec/ns"
	"nsexec/nsenter"
)

// waitLikeAShell is sayPIDAndWait as a function.
var waitLikeAShell = nsenter.NewFunc("wait like a shell", func(context.Context, []byte) ([]byte, error) {
	fmt.Println(os.Getpid())
	_, err := io.Copy(io.Discard, os.Stdin)
	return []byte("waited"), err
})

func TestFuncRunsInTargetsNamespaces(t *testing.T) {
	for name, types := range map[string]ns.Type{
		"uts": ns.UTS, "mnt": ns.Mount, "pid": ns.PID, "user": ns.User, "time": ns.Time, "all": ns.All,
	} {
		for way, mode := range joinModes {
			t.Run(name+" "+way, func(t *testing.T) {
				target := testutil.Target(t, uint64(types))
				cmd := tellWhere.Command(t.Context(), setOf(t, target.PID, ns.Type(target.Types)), []byte("{}"))
				cmd.ForceJoin(mode)
				checkInodes(t, where(t, cmd).Inodes, testutil.Namespaces(t, target.PID))
			})
		}
	}
}

func TestFuncIsTheCallersOwnChild(t *testing.T) {
	everywhere(t, func(t *testing.T, set *ns.Set) {
		p := enter(t, waitLikeAShell.Command(t.Context(), set, nil))
		checkIdentity(t, p)
		p.end(t)
		if out, err := p.Result(); err != nil || string(out) != "waited" {
			t.Errorf("result is %q, %v", out, err)
		}
	})
}

func TestFuncInContainer(t *testing.T) {
	for name, start := range map[string]func(testing.TB) *testutil.Proc{
		"runc": testutil.RuncTarget, "crun": testutil.CrunTarget,
	} {
		t.Run(name, func(t *testing.T) {
			target := start(t)
			w := where(t, tellWhere.Command(t.Context(), setOf(t, target.PID, ns.All), []byte("{}")))
			checkInodes(t, w.Inodes, testutil.Namespaces(t, target.PID))
			if w.Hostname != "target" || w.Dir != "/" || w.PPID != 0 {
				t.Errorf("host name %q, directory %q, parent %d", w.Hostname, w.Dir, w.PPID)
			}
		})
	}
}

func TestFuncIsTheSameProgram(t *testing.T) {
	for range 20 {
		w := where(t, tellingWhere(t))
		if w.PPID != os.Getpid() || w.PID == os.Getpid() {
			t.Errorf("pid %d, parent %d; we are %d", w.PID, w.PPID, os.Getpid())
		}
		checkInodes(t, w.Inodes, testutil.Namespaces(t, os.Getpid()))
	}
}
