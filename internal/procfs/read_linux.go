package procfs

import (
	"bytes"
	"errors"
	"os"
	"slices"
	"strconv"

	"golang.org/x/sys/unix"
)

// readAll reads the file name below a directory of procfs. pathrs opens with O_PATH, and the way back from that to a
// readable file would lead through the /proc that we do not trust: so it opens the directory, and the last step
// is made here, over no mount and no link.
func readAll(dir int, name string) ([]byte, error) {
	fd, err := openFile(dir, name)
	if err != nil {
		return nil, &os.PathError{Op: "open", Path: name, Err: err}
	}
	defer unix.Close(fd)
	data := make([]byte, 0, 1024)
	for {
		n, err := unix.Read(fd, data[len(data):cap(data)])
		if err != nil {
			return nil, &os.PathError{Op: "read", Path: name, Err: err}
		}
		if n == 0 {
			return data, nil
		}
		if data = data[:len(data)+n]; len(data) == cap(data) {
			data = slices.Grow(data, len(data))
		}
	}
}

func openFile(dir int, name string) (int, error) {
	fd, err := unix.Openat2(dir, name, &unix.OpenHow{
		Flags:   unix.O_RDONLY | unix.O_CLOEXEC | unix.O_NOFOLLOW,
		Resolve: unix.RESOLVE_NO_XDEV | unix.RESOLVE_NO_SYMLINKS,
	})
	if errors.Is(err, unix.ENOSYS) || errors.Is(err, unix.EPERM) || errors.Is(err, unix.EINVAL) { // hidden by seccomp
		return unix.Openat(dir, name, unix.O_RDONLY|unix.O_CLOEXEC|unix.O_NOFOLLOW, 0)
	}
	return fd, err
}

// Field returns what follows name at the beginning of a line, without the white space around it.
func Field(data []byte, name string) string {
	for line := range bytes.Lines(data) {
		if rest, ok := bytes.CutPrefix(line, []byte(name)); ok {
			return string(bytes.TrimSpace(rest))
		}
	}
	return ""
}

// OpenPID opens the file name of /proc/PID. It tells the news whenever it is read at offset zero.
func OpenPID(pid int, name string) (*os.File, error) {
	root, err := keptRoot()
	if err != nil {
		return nil, err
	}
	path := strconv.Itoa(pid) + "/" + name
	fd, err := openFile(int(root.Fd()), path)
	if err != nil {
		return nil, &os.PathError{Op: "open", Path: "/proc/" + path, Err: err}
	}
	return os.NewFile(uintptr(fd), "/proc/"+path), nil
}

// ReadPID reads the file name of /proc/PID.
func ReadPID(pid int, name string) ([]byte, error) {
	root, err := keptRoot()
	if err != nil {
		return nil, err
	}
	return readAll(int(root.Fd()), strconv.Itoa(pid)+"/"+name)
}
