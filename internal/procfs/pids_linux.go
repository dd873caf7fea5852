package procfs

import (
	"errors"
	"strconv"
	"sync"

	"golang.org/x/sys/unix"

	"nsexec/internal/raw"
)

// PIDs lists the processes that the caller may know of, in ascending order.
func PIDs() ([]int, error) {
	r, err := OpenPIDs()
	if err != nil {
		return nil, err
	}
	defer r.Close()
	var pids []int
	for {
		known := len(pids)
		if pids, err = r.Next(pids); err != nil || len(pids) == known {
			return pids, err
		}
	}
}

// PIDReader does the same page by page: reading the directory takes its time too, in which others can make use of the
// page before. Several goroutines may share it.
type PIDReader struct {
	mu sync.Mutex
	fd int
}

// OpenPIDs begins with the lowest number. ErrForeign: the numbers would mean other processes.
func OpenPIDs() (*PIDReader, error) {
	root, err := keptRoot()
	if err != nil {
		return nil, err
	}
	if err := root.checkOwn(); err != nil {
		return nil, err
	}
	fd, err := unix.Openat(int(root.Fd()), ".", unix.O_RDONLY|unix.O_DIRECTORY|unix.O_CLOEXEC, 0)
	if err != nil {
		return nil, err
	}
	return &PIDReader{fd: fd}, nil
}

// Next appends some numbers, or none at the end.
func (r *PIDReader) Next(pids []int) ([]int, error) {
	r.mu.Lock()
	defer r.mu.Unlock()
	var page [384]byte // sixteen processes
	var names []string
	for known := len(pids); len(pids) == known; { // what else is in /proc comes first
		n, err := unix.ReadDirent(r.fd, page[:])
		if err != nil || n == 0 {
			return pids, err
		}
		_, _, names = unix.ParseDirent(page[:n], -1, names[:0])
		for _, name := range names {
			if pid, err := strconv.Atoi(name); err == nil {
				pids = append(pids, pid)
			}
		}
	}
	return pids, nil
}

// Close ends the reading.
func (r *PIDReader) Close() { unix.Close(r.fd) }

// OpenProcess opens a process. EACCES: there is such a process, but it is hidden (hidepid=2; hidepid=1 shows itself only
// when one asks). ESRCH: there is none.
func OpenProcess(pid int) (*Process, error) {
	dir, err := openAtRoot(strconv.Itoa(pid))
	switch {
	case errors.Is(err, unix.ENOENT) && unix.Kill(pid, 0) != unix.ESRCH: // hidepid=2
		return nil, unix.EACCES
	case errors.Is(err, unix.ENOENT):
		return nil, unix.ESRCH
	case err != nil:
		return nil, err
	}
	return &Process{PID: pid, dir: dir, ns: notOpen}, nil
}

// OpenThread opens the calling thread.
func OpenThread() (*Process, error) {
	dir, err := openAtRoot("thread-self/.")
	if err != nil {
		return nil, err
	}
	return &Process{PID: unix.Gettid(), dir: dir, ns: notOpen}, nil
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
