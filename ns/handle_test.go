//go:build linux

package ns

import (
	"errors"
	"fmt"
	"net"
	"os"
	"path/filepath"
	"strconv"
	"strings"
	"sync"
	"sync/atomic"
	"testing"

	"golang.org/x/sys/unix"

	"nsexec/internal/testutil"
)

func itoa(n int) string { return strconv.Itoa(n) }

func atoi(s string) int {
	n, err := strconv.Atoi(s)
	if err != nil {
		panic(err)
	}
	return n
}

func TestOpenLearnsType(t *testing.T) {
	target := testutil.Target(t, testutil.AllTypes)
	supported, _ := Supported()
	for _, typ := range supported.Types() {
		h, err := Open(fmt.Sprintf("/proc/%d/ns/%s", target.PID, typ.Name()))
		if err != nil {
			t.Fatal(err)
		}
		defer h.Close()
		if h.Type() != typ || h.ID().Ino != inode(t, target.PID, typ) {
			t.Errorf("opened %v, want %s", h, typ.Name())
		}
		if ino, err := Inode(target.PID, typ); err != nil || ino != h.ID().Ino {
			t.Errorf("Inode(%s) = %d, %v, want %d", typ.Name(), ino, err, h.ID().Ino)
		}
		if h.String() != fmt.Sprintf("%s:[%d]", typ.Name(), h.ID().Ino) {
			t.Errorf("handle is called %q", h)
		}
	}
}

func TestOpenSaysWhatItIs(t *testing.T) {
	testutil.Needs(t, "pidfd_open")
	dir := t.TempDir()
	fifo, socket := filepath.Join(dir, "fifo"), filepath.Join(dir, "socket")
	if err := unix.Mkfifo(fifo, 0o600); err != nil {
		t.Fatal(err)
	}
	l, err := net.Listen("unix", socket)
	if err != nil {
		t.Fatal(err)
	}
	defer l.Close()
	pidfd, err := unix.PidfdOpen(os.Getpid(), 0)
	if err != nil {
		t.Fatal(err)
	}
	defer unix.Close(pidfd)
	for path, says := range map[string]string{
		fifo:                "FIFO on",
		socket:              "socket on",
		dir:                 "directory on",
		"/proc/self/status": "regular file on procfs (magic 0x9fa0)",
		"/dev/null":         "character device on",
	} {
		h, err := Open(path)
		if h != nil || !errors.Is(err, ErrNotNamespace) || !strings.Contains(err.Error(), says) || !strings.Contains(err.Error(), path) {
			t.Errorf("Open(%s) = %v, %v, want %q", path, h, err, says)
		}
	}
	if _, err := Open(filepath.Join(dir, "missing")); !errors.Is(err, os.ErrNotExist) {
		t.Errorf("missing file: %v", err)
	}
	if _, err := Open("a\x00b"); !errors.Is(err, unix.EINVAL) {
		t.Errorf("NUL in path: %v", err)
	}
}

func TestOneTypeIsNeeded(t *testing.T) {
	for _, bad := range []Type{0, Net | PID, All, 1} {
		_, openErr := OpenPID(os.Getpid(), bad)
		_, currentErr := Current(bad)
		_, inodeErr := Inode(os.Getpid(), bad)
		for _, err := range []error{openErr, currentErr, inodeErr} {
			if !errors.Is(err, ErrInvalidType) || !strings.Contains(err.Error(), bad.String()) {
				t.Errorf("%v: %v, want ErrInvalidType", bad, err)
			}
		}
	}
	if _, err := Inode(deadPID(t), Net); !errors.Is(err, ErrProcessGone) {
		t.Errorf("inode of the dead: %v", err)
	}
}

func TestOwnerAndParent(t *testing.T) {
	target := newAll(t)
	pid := target.Process.Pid
	self, err := Current(User)
	if err != nil {
		t.Fatal(err)
	}
	user, err := OpenPID(pid, User)
	if err != nil {
		t.Fatal(err)
	}
	for _, typ := range []Type{Net, UTS, IPC, Cgroup, Mount, PID} {
		h, err := OpenPID(pid, typ)
		if err != nil {
			t.Fatal(err)
		}
		for range 2 { // the second answer is remembered
			if id, err := h.OwnerID(); err != nil || id != user.ID() {
				t.Errorf("owner of %v is %v, %v, want %v", h, id, err, user)
			}
		}
		if uid, err := h.OwnerUID(); err != nil || uid != os.Getuid() {
			t.Errorf("owner uid of %v is %d, %v, want %d", h, uid, err, os.Getuid())
		}
		parent, err := h.Parent()
		if typ != PID {
			if !errors.Is(err, ErrInvalidType) {
				t.Errorf("parent of %v: %v, %v", h, parent, err)
			}
			continue
		}
		if err != nil || parent.ID().Ino != inode(t, "self", PID) {
			t.Errorf("parent of %v: %v, %v", h, parent, err)
		}
		if id, err := h.ParentID(); err != nil || id != parent.ID() {
			t.Errorf("remembered parent of %v: %v, %v", h, id, err)
		}
	}
	parent, err := user.Parent()
	if err != nil || !parent.Equal(self) || parent.Type() != User {
		t.Errorf("parent of %v is %v, %v, want %v", user, parent, err, self)
	}
	if _, err := self.Parent(); !errors.Is(err, os.ErrPermission) {
		t.Errorf("parent of the caller's own user namespace: %v", err)
	}
}

func TestHandleAfterClose(t *testing.T) {
	h, pid := current(t, Net), current(t, PID)
	id := h.ID()
	if err := errors.Join(h.Close(), pid.Close()); err != nil {
		t.Fatal(err)
	}
	_, ownerErr := h.Owner()
	_, uidErr := h.OwnerUID()
	_, parentErr := pid.Parent()
	_, inErr := pid.PIDIn(os.Getpid())
	_, fromErr := pid.PIDFrom(1)
	_, runnerErr := h.Runner()
	_, listenErr := h.Listen("tcp", "127.0.0.1:0")
	_, setErr := NewSet(h)
	controlErr := h.Control(func(uintptr) { t.Error("called") })
	for i, err := range []error{
		h.Close(), ownerErr, uidErr, parentErr, inErr, fromErr, runnerErr, listenErr, setErr, controlErr, h.Pin(filepath.Join(t.TempDir(), "pin")),
	} {
		if !errors.Is(err, os.ErrClosed) {
			t.Errorf("%d, after close: %v", i, err)
		}
	}
	if _, err := h.ID64(); !errors.Is(err, os.ErrClosed) && !errors.Is(err, errors.ErrUnsupported) {
		t.Errorf("id after close: %v", err)
	}
	if h.ID() != id || h.Type() != Net || !h.Equal(h) || h.Equal(nil) {
		t.Error("identity is lost with close")
	}
}

func current(t testing.TB, typ Type) *Handle {
	t.Helper()
	h, err := Current(typ)
	if err != nil {
		t.Fatal(err)
	}
	return h
}

// Close may come at any moment: whoever is first, the others get os.ErrClosed, and no call is made on a descriptor that
// is somebody else's by then.
func TestConcurrentClose(t *testing.T) {
	for range 50 {
		h := current(t, Net)
		var closed atomic.Int32
		var wg sync.WaitGroup
		check := func(err error) {
			if err != nil && !errors.Is(err, os.ErrClosed) && !errors.Is(err, os.ErrPermission) {
				t.Error(err)
			}
		}
		for range 4 {
			wg.Go(func() {
				if h.Close() == nil {
					closed.Add(1)
				}
			})
			wg.Go(func() { check(h.Do(func() error { return nil })) })
			wg.Go(func() { _, err := h.OwnerUID(); check(err) })
			wg.Go(func() {
				s, err := NewSet(h)
				if check(err); err == nil {
					check(s.Close())
				}
			})
		}
		wg.Wait()
		if n := closed.Load(); n != 1 {
			t.Errorf("%d calls have closed it", n)
		}
	}
}

func TestSupported(t *testing.T) {
	supported, err := Supported()
	if err != nil {
		t.Fatal(err)
	}
	for _, typ := range All.Types() {
		_, err := os.Lstat("/proc/self/ns/" + typ.Name())
		if (err == nil) != (supported&typ != 0) {
			t.Errorf("%s: supported is %v, /proc says %v", typ.Name(), supported&typ != 0, err)
		}
	}
}
