//go:build linux

package ns

import (
	"errors"
	"os"
	"testing"

	"nsexec/internal/kernel"
	"nsexec/internal/nsfs"
	"nsexec/internal/testutil"
)

func TestID64AndOpenByID(t *testing.T) {
	testutil.Needs(t, "ioctl:nsfs", "open_by_handle_at")
	if nsfs.IDs.Ask() == kernel.No {
		return // TestID64Unsupported says what happens then
	}
	target := newAll(t)
	seen := make(map[uint64]bool)
	supported, _ := Supported()
	for _, typ := range supported.Types() {
		h, err := OpenPID(target.Process.Pid, typ)
		if err != nil {
			t.Fatal(err)
		}
		defer h.Close()
		id, err := h.ID64()
		if err != nil || id == 0 || seen[id] {
			t.Errorf("%v: id %d, %v; seen before: %v", h, id, err, seen[id])
		}
		seen[id] = true
		again, err := OpenByID(typ, id, h.ID().Ino)
		if refused := errors.Is(err, os.ErrPermission) || errors.Is(err, os.ErrNotExist); refused && testutil.Who() != testutil.Root {
			continue
		}
		if err != nil || !again.Equal(h) {
			t.Errorf("opened by id: %v, %v, want %v", again, err, h)
			continue
		}
		again.Close()
		if nsfs.Lists.Has() { // then List has to open what it knows nothing else of
			fd, err := nsfs.OpenByID(id, 0, 0)
			if err != nil {
				t.Errorf("opened by id alone: %v", err)
			} else if found, err := newHandle(fd, typ); err != nil || !found.Equal(h) {
				t.Errorf("opened by id alone: %v, %v, want %v", found, err, h)
			}
		}
		if h, err := OpenByID(typ, 1<<60, h.ID().Ino); !errors.Is(err, os.ErrNotExist) && !errors.Is(err, os.ErrPermission) {
			t.Errorf("opened by a nonsense id: %v, %v", h, err)
		}
	}
	if _, err := OpenByID(Net|PID, 3, 0); !errors.Is(err, ErrInvalidType) {
		t.Errorf("two types: %v", err)
	}
}

func TestID64Unsupported(t *testing.T) {
	for _, probe := range []*kernel.Probe{nsfs.IDs, nsfs.MountIDs, nsfs.OpenIDs} {
		defer probe.Force(kernel.No)()
	}
	h, err := Current(Mount)
	if err != nil {
		t.Fatal(err)
	}
	defer h.Close()
	if _, err := h.ID64(); !errors.Is(err, errors.ErrUnsupported) {
		t.Errorf("id: %v", err)
	}
	if _, err := OpenByID(Net, 3, 4); !errors.Is(err, errors.ErrUnsupported) {
		t.Errorf("open by id: %v", err)
	}
}

func TestPIDTranslation(t *testing.T) {
	target := newAll(t)
	outer := target.Process.Pid
	h, err := OpenPID(outer, PID)
	if err != nil {
		t.Fatal(err)
	}
	own, err := Current(PID)
	if err != nil {
		t.Fatal(err)
	}
	net, err := Current(Net)
	if err != nil {
		t.Fatal(err)
	}
	test := func(t *testing.T) {
		if n, err := h.PIDIn(outer); err != nil || n != 1 {
			t.Errorf("inside it is %d, %v, want 1", n, err)
		}
		if n, err := h.PIDFrom(1); err != nil || n != outer {
			t.Errorf("pid 1 is %d, %v, want %d", n, err, outer)
		}
		if n, err := own.PIDIn(outer); err != nil || n != outer {
			t.Errorf("in the caller's own it is %d, %v, want %d", n, err, outer)
		}
		if n, err := h.PIDIn(os.Getpid()); !errors.Is(err, ErrNotInNamespace) {
			t.Errorf("inside the caller is %d, %v", n, err)
		}
		if n, err := h.PIDIn(deadPID(t)); !errors.Is(err, ErrProcessGone) {
			t.Errorf("inside the dead is %d, %v", n, err)
		}
		if n, err := h.PIDFrom(30000); !errors.Is(err, ErrProcessGone) {
			t.Errorf("pid 30000 is %d, %v", n, err)
		}
		if _, err := net.PIDIn(outer); !errors.Is(err, ErrWrongType) {
			t.Errorf("in a net namespace: %v", err)
		}
	}
	t.Run("auto", test)
	t.Run("procfs", func(t *testing.T) {
		defer nsfs.PIDTranslation.Force(kernel.No)()
		test(t)
	})
}
