package procfs

import (
	"errors"
	"slices"
	"strconv"

	"golang.org/x/sys/unix"

	"nsexec/internal/raw"
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

// OpenProcess opens a process. EACCES: there is such a process, but it is hidden. ESRCH: there is none.
func OpenProcess(pid int) (*Process, error) {
	ns, err := openAtRoot(strconv.Itoa(pid) + "/ns")
	switch {
	case errors.Is(err, unix.EPERM): // hidepid=1
		return nil, unix.EACCES
	case errors.Is(err, unix.ENOENT) && unix.Kill(pid, 0) != unix.ESRCH: // hidepid=2
		return nil, unix.EACCES
	case errors.Is(err, unix.ENOENT):
		return nil, unix.ESRCH
	case err != nil:
		return nil, err
	}
	return &Process{PID: pid, ns: ns}, nil
}

// OpenThread opens the calling thread.
func OpenThread() (*Process, error) {
	ns, err := openAtRoot("thread-self/ns")
	if err != nil {
		return nil, err
	}
	return &Process{PID: unix.Gettid(), ns: ns}, nil
}

func openAtRoot(path string) (int, error) {
	root, err := keptRoot()
	if err != nil {
		return -1, err
	}
	return openDir(int(root.Fd()), path)
}

func openDir(at int, path string) (int, error) {
	return raw.Openat(at, path, unix.O_PATH|unix.O_DIRECTORY|unix.O_NOFOLLOW)
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
