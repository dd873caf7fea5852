package procfs

import (
	"errors"
	"os"
	"slices"
	"strconv"

	"github.com/cyphar/filepath-securejoin/pathrs-lite/procfs"
	"golang.org/x/sys/unix"
)

// All is a procfs that shows every process the caller may know of. The one that pathrs prefers hides, where it can,
// those that the caller has no right to ptrace.
type All struct{ root *os.File }

// OpenAll opens it. It is to be closed soon: a descriptor of a whole procfs should not be lying about.
func OpenAll() (*All, error) {
	proc, err := procfs.OpenUnsafeProcRoot()
	if err != nil {
		return nil, err
	}
	defer proc.Close()
	root, err := proc.OpenRoot(".")
	if err != nil {
		return nil, err
	}
	return &All{root}, nil
}

// Close closes it.
func (a *All) Close() { a.root.Close() }

// PIDs lists the processes in ascending order.
func (a *All) PIDs() ([]int, error) {
	names, err := list(int(a.root.Fd()), ".")
	if err != nil {
		return nil, err
	}
	pids := make([]int, 0, len(names))
	for _, name := range names {
		if pid, err := strconv.Atoi(name); err == nil {
			pids = append(pids, pid)
		}
	}
	slices.Sort(pids)
	return pids, nil
}

// Process opens /proc/PID.
func (a *All) Process(pid int) (*Process, error) {
	dir, err := openDir(int(a.root.Fd()), strconv.Itoa(pid), unix.O_NOFOLLOW)
	if err != nil {
		return nil, err
	}
	return &Process{PID: pid, dir: dir}, nil
}

// Thread opens /proc/thread-self, which is a symbolic link.
func (a *All) Thread() (*Process, error) {
	dir, err := openDir(int(a.root.Fd()), "thread-self", 0)
	if err != nil {
		return nil, err
	}
	return &Process{PID: unix.Gettid(), dir: dir}, nil
}

func openDir(at int, path string, flags int) (int, error) {
	return unix.Openat(at, path, flags|unix.O_PATH|unix.O_DIRECTORY|unix.O_CLOEXEC, 0)
}

// list returns the names in a directory.
func list(dir int, path string) ([]string, error) {
	fd, err := unix.Openat(dir, path, unix.O_RDONLY|unix.O_DIRECTORY|unix.O_CLOEXEC|unix.O_NOFOLLOW, 0)
	if err != nil {
		return nil, err
	}
	f := os.NewFile(uintptr(fd), path)
	defer f.Close()
	names, err := f.Readdirnames(-1)
	if errors.Is(err, unix.ENOENT) || errors.Is(err, unix.ESRCH) { // it died meanwhile
		err = nil
	}
	return names, err
}
