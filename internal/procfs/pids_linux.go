package procfs

import (
	"errors"
	"slices"
	"strconv"

	"golang.org/x/sys/unix"
)

// PIDs lists the processes that the caller may know of, in ascending order.
//
// The numbers come from /proc itself. The procfs that pathrs prefers, which all else is read from, hides the processes
// that the caller has no right to ptrace; and one made anew for this would have to fill its caches again, which takes
// longer than all the reading. A /proc that lies can invent numbers, for which there will be no process, or
// conceal some.
func PIDs() ([]int, error) {
	names, err := list(unix.AT_FDCWD, "/proc")
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

// OpenProcess opens /proc/PID. EACCES: there is such a process, but it is hidden. ESRCH: there is none.
func OpenProcess(pid int) (*Process, error) {
	dir, err := openAtRoot(strconv.Itoa(pid), unix.O_NOFOLLOW)
	if errors.Is(err, unix.ENOENT) {
		err = unix.ESRCH
		if unix.Kill(pid, 0) != unix.ESRCH {
			err = unix.EACCES
		}
	}
	if err != nil {
		return nil, err
	}
	return newProcess(pid, dir)
}

// OpenThread opens /proc/thread-self.
func OpenThread() (*Process, error) {
	dir, err := openAtRoot("thread-self", 0) // a symbolic link
	if err != nil {
		return nil, err
	}
	return newProcess(unix.Gettid(), dir)
}

func openAtRoot(path string, flags int) (int, error) {
	root, err := keptRoot()
	if err != nil {
		return -1, err
	}
	return openDir(int(root.Fd()), path, flags)
}

func openDir(at int, path string, flags int) (int, error) {
	return unix.Openat(at, path, flags|unix.O_PATH|unix.O_DIRECTORY|unix.O_CLOEXEC, 0)
}

// list returns the names in a directory. An os.File would do the same in twice the time.
func list(dir int, path string) ([]string, error) {
	fd, err := unix.Openat(dir, path, unix.O_RDONLY|unix.O_DIRECTORY|unix.O_CLOEXEC|unix.O_NOFOLLOW, 0)
	if err != nil {
		return nil, err
	}
	defer unix.Close(fd)
	return entries(fd)
}

func entries(fd int) (names []string, err error) {
	var buf [8192]byte
	for {
		n, err := unix.ReadDirent(fd, buf[:])
		if errors.Is(err, unix.ENOENT) || errors.Is(err, unix.ESRCH) { // it died meanwhile
			return names, nil
		}
		if err != nil || n == 0 {
			return names, err
		}
		_, _, names = unix.ParseDirent(buf[:n], -1, names)
	}
}
