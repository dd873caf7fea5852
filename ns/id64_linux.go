package ns

import (
	"errors"
	"fmt"
	"os"

	"golang.org/x/sys/unix"

	"nsexec/internal/nsfs"
	"nsexec/internal/procfs"
)

func id64(fd uintptr, t Type) (uint64, error) {
	switch {
	case nsfs.IDs.Has():
		return nsfs.ID(int(fd))
	case t == Mount && nsfs.MountIDs.Has():
		return nsfs.MountID(int(fd))
	}
	return 0, errNeeds618
}

func openByID(t Type, id64, inode uint64) (int, error) {
	if !nsfs.OpenIDs.Has() {
		return -1, errNeeds618
	}
	fd, err := nsfs.OpenByID(id64, uint64(t), inode)
	if errors.Is(err, unix.ESTALE) {
		return -1, errStale
	}
	return fd, err
}

// errStale: also for a caller who may not see it, since "nsfs: tighten permission checks for handle opening" (CVE-2026-43391).
var errStale = fmt.Errorf("%w, or the caller may not see it", os.ErrNotExist)

func pidIn(h *Handle, pid int) (n int, err error) {
	closed := h.Control(func(fd uintptr) {
		if nsfs.PIDTranslation.Has() {
			n, err = nsfs.PIDIn(int(fd), pid)
		} else {
			n, err = pidInByStatus(h, pid)
		}
	})
	if closed != nil {
		return -1, closed
	}
	if errors.Is(err, unix.ESRCH) && unix.Kill(pid, 0) != unix.ESRCH {
		return -1, ErrNotInNamespace
	}
	return n, gone(err)
}

func pidFrom(h *Handle, pid int) (n int, err error) {
	closed := h.Control(func(fd uintptr) {
		if nsfs.PIDTranslation.Has() {
			n, err = nsfs.PIDFrom(int(fd), pid)
		} else {
			n, err = pidFromByStatus(h, pid)
		}
	})
	if closed != nil {
		return -1, closed
	}
	return n, gone(err)
}

func gone(err error) error {
	if errors.Is(err, unix.ESRCH) {
		return ErrProcessGone
	}
	return err
}

// pidInByStatus finds h among the ancestors of the process's pid namespace. NSpid has one number for each, the
// process's own namespace last.
func pidInByStatus(h *Handle, pid int) (int, error) {
	p, err := procfs.OpenProcess(pid)
	if err != nil {
		return -1, gone(err)
	}
	defer p.Close()
	return h.numberOf(p)
}

// pidFromByStatus asks every process that has the number in some namespace.
func pidFromByStatus(h *Handle, pid int) (int, error) {
	pids, err := procfs.PIDs()
	if err != nil {
		return -1, err
	}
	for _, candidate := range pids {
		p, err := procfs.OpenProcess(candidate)
		if err != nil {
			continue // gone
		}
		inside, err := h.numberOf(p)
		p.Close()
		if err == nil && inside == pid {
			return candidate, nil
		}
	}
	return -1, ErrProcessGone
}

// numberOf goes up from the process's pid namespace, and along its numbers, until it is at h.
func (h *Handle) numberOf(p *procfs.Process) (int, error) {
	numbers, err := p.NSpid()
	if errors.Is(err, os.ErrPermission) { // hidepid=1
		return -1, err
	}
	if err != nil {
		return -1, ErrProcessGone
	}
	fd, err := p.OpenNS("pid")
	if err != nil {
		return -1, err
	}
	at, err := newHandle(fd, PID)
	if err != nil {
		return -1, err
	}
	defer func() { at.Close() }()
	for ; !at.Equal(h); numbers = numbers[:len(numbers)-1] {
		parent, err := at.Parent()
		if err != nil || len(numbers) == 1 {
			return -1, ErrNotInNamespace // above is the caller's own, or one that it may not see
		}
		at.Close()
		at = parent
	}
	return numbers[len(numbers)-1], nil
}
