//go:build linux

package ns

import (
	"errors"
	"os"
	"os/exec"
	"path/filepath"
	"runtime"
	"strings"
	"testing"

	"golang.org/x/sys/unix"

	"nsexec/internal/nsfs"
	"nsexec/internal/testutil"
)

// inPrivateMounts runs the test on a thread with a mount namespace of its own, whose root is private.
func inPrivateMounts(t *testing.T, test func()) {
	t.Helper()
	needAdmin(t)
	done := make(chan struct{})
	go func() { // the thread ends with it
		defer close(done)
		runtime.LockOSThread()
		if err := unix.Unshare(unix.CLONE_NEWNS); err != nil {
			t.Error(err)
			return
		}
		if err := unix.Mount("", "/", "", unix.MS_REC|unix.MS_PRIVATE, ""); err != nil {
			t.Error(err)
			return
		}
		test()
	}()
	<-done
}

func TestPinKeepsAlive(t *testing.T) {
	supported, _ := Supported()
	if !nsfs.PIDFDNamespaces.Has() {
		supported &^= PID // New cannot make one
	}
	for _, typ := range supported.Types() {
		t.Run(typ.Name(), func(t *testing.T) {
			dir := t.TempDir()
			inPrivateMounts(t, func() {
				h, err := newPinnable(typ)
				if err != nil {
					t.Error(err)
					return
				}
				path := filepath.Join(dir, "pin with blank, no-break\u00a0space and \\040")
				if err := h.Pin(path); err != nil {
					t.Error(err)
					return
				}
				if err := h.Pin(path); !errors.Is(err, os.ErrExist) {
					t.Errorf("pinned twice: %v", err)
				}
				id := h.ID()
				h.Close()
				if err := h.Pin(path + "2"); !errors.Is(err, os.ErrClosed) {
					t.Errorf("pin after close: %v", err)
				}
				again, err := Open(path)
				if err != nil || again.ID() != id || again.Type() != typ {
					t.Errorf("opened by its pin: %v, %v", again, err)
					return
				}
				again.Close()
				n := mustList(t).Find(id)
				if n == nil || n.Type != typ || len(n.Pins) != 1 || n.Pins[0] != (Pin{Path: path}) {
					t.Errorf("listed: %+v", n)
				}
				if err := Unpin(path); err != nil {
					t.Error(err)
				}
				if _, err := os.Lstat(path); !errors.Is(err, os.ErrNotExist) {
					t.Errorf("after unpin: %v", err)
				}
			})
		})
	}
}

// newPinnable makes a namespace that counts as younger than the thread's mount namespace: by its id, which Linux 6.18
// gives out in blocks, one for each processor, so that a later one may be lower.
func newPinnable(typ Type) (*Handle, error) {
	own, err := Current(Mount)
	if err != nil {
		return nil, err
	}
	defer own.Close()
	ownID, _ := nsfs.ID(int(own.Fd()))
	for {
		h, err := New(typ)
		if err != nil || typ != Mount {
			return h, err
		}
		if id, err := nsfs.ID(int(h.Fd())); err != nil || id > ownID {
			return h, nil
		}
		h.Close()
	}
}

func TestPinMountNamespaceOnSharedMount(t *testing.T) {
	testutil.Needs(t, "statx") // to find the mount
	dir := t.TempDir()
	inPrivateMounts(t, func() {
		if err := unix.Mount("tmpfs", dir, "tmpfs", 0, ""); err != nil {
			t.Error(err)
			return
		}
		if err := unix.Mount("", dir, "", unix.MS_SHARED, ""); err != nil {
			t.Error(err)
			return
		}
		h, err := New(Mount)
		if err != nil {
			t.Error(err)
			return
		}
		defer h.Close()
		path := filepath.Join(dir, "pin")
		err = h.Pin(path)
		if err != nil && !strings.Contains(err.Error(), dir+" is shared") { // some kernels allow it
			t.Errorf("on a shared mount: %v", err)
		}
		if err == nil {
			Unpin(path)
		}
		own, err := Current(Mount)
		if err != nil {
			t.Error(err)
			return
		}
		defer own.Close()
		if err := own.Pin(path + "2"); err == nil || !strings.Contains(err.Error(), "a mount namespace") {
			t.Errorf("in itself: %v", err)
		}
		if _, err := os.Lstat(path + "2"); !errors.Is(err, os.ErrNotExist) {
			t.Errorf("a failed pin leaves its file: %v", err)
		}
	})
}

// ip-netns(8) and we see each other's names.
func TestPinLikeIPNetns(t *testing.T) {
	if _, err := exec.LookPath("ip"); err != nil {
		testutil.Skipf(t, "needs ip(8)")
	}
	if inode(t, "self", User) != nsfs.InitialUser {
		testutil.Skipf(t, "needs root of the initial user namespace: ip-netns(8) comes back by setns(2)")
	}
	inPrivateMounts(t, func() {
		if err := unix.Mount("tmpfs", "/run", "tmpfs", 0, ""); err != nil {
			t.Error(err)
			return
		}
		h, err := New(Net)
		if err != nil {
			t.Error(err)
			return
		}
		defer h.Close()
		path, err := NetPath("ours")
		if err != nil {
			t.Error(err)
			return
		}
		if err := h.Pin(path); err != nil {
			t.Error(err)
			return
		}
		ip := func(arg ...string) string { // fork keeps the thread's mount namespace
			out, err := exec.Command("ip", append([]string{"netns"}, arg...)...).CombinedOutput()
			if err != nil {
				t.Errorf("ip netns %v: %v: %s", arg, err, out)
			}
			return string(out)
		}
		if out := ip("list"); !strings.Contains(out, "ours") {
			t.Errorf("ip netns list says %q", out)
		}
		if out := ip("exec", "ours", "readlink", "/proc/self/ns/net"); strings.TrimSpace(out) != h.String() {
			t.Errorf("ip netns exec is in %q, want %v", out, h)
		}
		ip("add", "theirs")
		theirs, err := Open(netnsDir + "/theirs")
		if err != nil || theirs.Type() != Net {
			t.Errorf("opened what ip has made: %v, %v", theirs, err)
			return
		}
		theirs.Close()
		if err := Unpin(netnsDir + "/theirs"); err != nil {
			t.Error(err)
		}
		ip("delete", "ours")
	})
}

func TestPinRefuses(t *testing.T) {
	for _, name := range []string{"", ".", "..", "a/b", "a\x00"} {
		if path, err := NetPath(name); err == nil {
			t.Errorf("NetPath(%q) = %s", name, path)
		}
	}
	if err := Unpin("/proc/self/status"); !errors.Is(err, ErrNotNamespace) {
		t.Errorf("unpin a file: %v", err)
	}
	if os.Geteuid() == 0 {
		inPrivateMounts(t, func() {
			if err := Unpin("/proc/thread-self/ns/net"); !errors.Is(err, ErrNotPinned) {
				t.Errorf("unpin an entry of procfs: %v", err)
			}
		})
		return
	}
	h, err := Current(Net)
	if err != nil {
		t.Fatal(err)
	}
	defer h.Close()
	path := filepath.Join(t.TempDir(), "pin")
	if err := h.Pin(path); !errors.Is(err, os.ErrPermission) {
		t.Errorf("pin without CAP_SYS_ADMIN: %v", err)
	}
	if _, err := os.Lstat(path); !errors.Is(err, os.ErrNotExist) {
		t.Errorf("a failed pin leaves its file: %v", err)
	}
}
