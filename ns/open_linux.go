package ns

import (
	"errors"
	"fmt"
	"os"

	"golang.org/x/sys/unix"

	"nsexec/internal/nsfs"
)

// openPath opens path and finds out what it is. O_NONBLOCK and O_NOCTTY are for what is no namespace: a FIFO
// without a writer, a terminal.
func openPath(path string) (int, Type, error) {
	fd, err := unix.Open(path, unix.O_RDONLY|unix.O_CLOEXEC|unix.O_NONBLOCK|unix.O_NOCTTY, 0)
	if errors.Is(err, unix.ENXIO) { // a socket, or a device without a driver
		return -1, 0, fmt.Errorf("open namespace %s: %w: %s", path, ErrNotNamespace, describePath(path))
	}
	if err != nil {
		return -1, 0, fmt.Errorf("open namespace: %w", &os.PathError{Op: "open", Path: path, Err: err})
	}
	t, err := nsfs.Type(fd)
	if err == nil && Type(t).index() < 0 {
		err = fmt.Errorf("%w: type %v", ErrInvalidType, Type(t))
	}
	if errors.Is(err, unix.ENOTTY) {
		err = fmt.Errorf("%w: %s", ErrNotNamespace, describe(fd))
	}
	if err != nil {
		unix.Close(fd)
		return -1, 0, fmt.Errorf("open namespace %s: %w", path, err)
	}
	return fd, Type(t), nil
}

// filesystems names the ones that a wrong path most often leads to.
var filesystems = map[uint32]string{
	unix.BTRFS_SUPER_MAGIC:     "btrfs",
	unix.CGROUP2_SUPER_MAGIC:   "cgroup2",
	unix.CGROUP_SUPER_MAGIC:    "cgroup",
	unix.DEVPTS_SUPER_MAGIC:    "devpts",
	unix.EXT4_SUPER_MAGIC:      "ext4",
	unix.OVERLAYFS_SUPER_MAGIC: "overlayfs",
	unix.PID_FS_MAGIC:          "pidfs",
	unix.PROC_SUPER_MAGIC:      "procfs",
	unix.SYSFS_MAGIC:           "sysfs",
	unix.TMPFS_MAGIC:           "tmpfs",
	unix.XFS_SUPER_MAGIC:       "xfs",
}

// describe says what an open file is: "regular file on tmpfs (magic 0x1021994)".
func describe(fd int) string {
	var st unix.Stat_t
	if err := unix.Fstat(fd, &st); err != nil {
		return err.Error()
	}
	magic, err := nsfs.Magic(fd)
	if err != nil {
		return fileKind(st.Mode)
	}
	name := filesystems[magic]
	if name == "" {
		name = "a filesystem"
	}
	return fmt.Sprintf("%s on %s (magic %#x)", fileKind(st.Mode), name, magic)
}

// describePath is describe for what cannot be opened for reading.
func describePath(path string) string {
	fd, err := unix.Open(path, unix.O_PATH|unix.O_CLOEXEC, 0)
	if err != nil {
		return err.Error()
	}
	defer unix.Close(fd)
	return describe(fd)
}

func fileKind(mode uint32) string {
	switch mode & unix.S_IFMT {
	case unix.S_IFREG:
		return "regular file"
	case unix.S_IFDIR:
		return "directory"
	case unix.S_IFIFO:
		return "FIFO"
	case unix.S_IFSOCK:
		return "socket"
	case unix.S_IFCHR:
		return "character device"
	case unix.S_IFBLK:
		return "block device"
	}
	return "file without a type" // anonymous inodes: pidfds before Linux 6.9, epoll
}
