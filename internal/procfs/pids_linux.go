package procfs

import (
	"errors"
	"io"
	"os"
	"strconv"
	"strings"

	"golang.org/x/sys/unix"
)

// PIDs lists the processes that procfs shows, in its order: ascending.
func PIDs() ([]int, error) {
	root, err := keptRoot()
	if err != nil {
		return nil, err
	}
	names, err := list(int(root.Fd()), ".")
	if err != nil {
		return nil, err
	}
	pids := make([]int, 0, len(names))
	for _, name := range names {
		if pid, err := strconv.Atoi(name); err == nil {
			pids = append(pids, pid)
		}
	}
	return pids, nil
}

// NSpid returns a process's numbers, from procfs's own pid namespace down to the process's.
func NSpid(pid int) ([]int, error) {
	data, err := readAt(strconv.Itoa(pid) + "/status")
	if err != nil {
		return nil, err
	}
	var numbers []int
	for _, text := range strings.Fields(field(data, "NSpid:")) {
		n, err := strconv.Atoi(text)
		if err != nil {
			return nil, err
		}
		numbers = append(numbers, n)
	}
	return numbers, nil
}

// readAt reads a file below the root of procfs.
func readAt(path string) ([]byte, error) {
	root, err := keptRoot()
	if err != nil {
		return nil, err
	}
	fd, err := openat(int(root.Fd()), path)
	if err != nil {
		return nil, &os.PathError{Op: "open", Path: "/proc/" + path, Err: err}
	}
	f := os.NewFile(uintptr(fd), "/proc/"+path)
	defer f.Close()
	return io.ReadAll(f)
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
