package ns

import (
	"errors"
	"fmt"
	"os"
	"runtime"

	"golang.org/x/sys/unix"

	"nsexec/internal/nsfs"
	"nsexec/internal/procfs"
)

var (
	errnoGone   error = unix.ESRCH
	errnoAbsent       = errors.ErrUnsupported
)

func closeFD(fd int) { unix.Close(fd) }

func dupFD(fd uintptr) (int, error) {
	return unix.FcntlInt(fd, unix.F_DUPFD_CLOEXEC, 0)
}

func identify(fd int) (ID, error) {
	var st unix.Stat_t
	if err := unix.Fstat(fd, &st); err != nil {
		return ID{}, err
	}
	return ID{Dev: uint64(st.Dev), Ino: st.Ino}, nil //nolint:unconvert // 32 bits on some architectures
}

func ownerOf(fd uintptr) (int, error)    { return nsfs.UserNS(int(fd)) }
func parentOf(fd uintptr) (int, error)   { return nsfs.Parent(int(fd)) }
func ownerUIDOf(fd uintptr) (int, error) { return nsfs.OwnerUID(int(fd)) }

func pidOf(pidfd uintptr) int {
	pid, err := procfs.PID(int(pidfd))
	if err != nil || pid == 0 {
		return -1
	}
	return pid
}

// openNSAt opens the entry of type t in a namespace directory of procfs.
func openNSAt(dir *os.File, t Type) (int, error) { return openEntry(dir, t.Name(), t) }

// openEntry makes sure that the entry is what it should be.
func openEntry(dir *os.File, name string, t Type) (int, error) {
	fd, err := unix.Openat(int(dir.Fd()), name, unix.O_RDONLY|unix.O_CLOEXEC, 0)
	if errors.Is(err, unix.ENOENT) {
		return -1, ErrAbsent
	}
	if err != nil {
		return -1, err
	}
	found, err := nsfs.Type(fd)
	if err == nil && Type(found) != t {
		err = ErrWrongType
	}
	if err != nil {
		unix.Close(fd)
		return -1, err
	}
	return fd, nil
}

// openCurrent opens a namespace of the calling thread.
func openCurrent(t Type) (int, error) {
	runtime.LockOSThread()
	defer runtime.UnlockOSThread()
	if nsfs.PIDFDNamespaces.Has() { // 6.11; threads have had pidfds since 6.9
		pidfd, err := unix.PidfdOpen(unix.Gettid(), unix.PIDFD_THREAD)
		if err == nil {
			defer unix.Close(pidfd)
			return openPIDFD(pidfd, t)
		}
	}
	dir, done, err := procfs.OpenThreadNS()
	if err != nil {
		return -1, err
	}
	defer done()
	defer dir.Close()
	return openNSAt(dir, t)
}

// supported looks each type up. An entry that may not be followed is there all the same.
func supported() (Type, error) {
	dir, done, err := procfs.OpenThreadNS()
	if err != nil {
		return 0, fmt.Errorf("list namespace types: %w", err)
	}
	defer done()
	defer dir.Close()
	var t Type
	for _, k := range kinds {
		err := unix.Fstatat(int(dir.Fd()), k.name, new(unix.Stat_t), unix.AT_SYMLINK_NOFOLLOW)
		if err == nil {
			t |= k.t
		} else if !errors.Is(err, unix.ENOENT) {
			return 0, fmt.Errorf("list namespace types: %s: %w", k.name, err)
		}
	}
	return t, nil
}

func newSocket(domain, typ, protocol int) (*os.File, error) {
	fd, err := unix.Socket(domain, typ|unix.SOCK_CLOEXEC|unix.SOCK_NONBLOCK, protocol)
	if err != nil {
		return nil, os.NewSyscallError("socket", err)
	}
	return os.NewFile(uintptr(fd), "socket"), nil
}
