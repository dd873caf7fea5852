package ns

import (
	"errors"
	"fmt"
	"os"
	"path/filepath"
	"strconv"

	"golang.org/x/sys/unix"

	"nsexec/internal/procfs"
)

func pin(h *Handle, path string) error {
	if filepath.Dir(path) == netnsDir {
		if err := shareNetnsDir(); err != nil {
			return err
		}
	}
	file, err := os.OpenFile(path, os.O_RDONLY|os.O_CREATE|os.O_EXCL, 0) // nobody reads what lies below
	if err != nil {
		return err
	}
	file.Close()
	err = h.mount(path)
	if err != nil {
		_ = os.Remove(path) // the first error matters
	}
	if h.t == Mount && (errors.Is(err, unix.EINVAL) || errors.Is(err, unix.ELOOP)) {
		err = explainMount(path, err)
	}
	return err
}

// mount binds h to path. open_tree(2), Linux 5.2, needs no procfs; where seccomp hides it, mount(2) takes the
// descriptor's name in /proc.
func (h *Handle) mount(path string) (err error) {
	closed := h.Control(func(fd uintptr) {
		err = moveTree(int(fd), path)
		if errors.Is(err, unix.ENOSYS) || errors.Is(err, unix.EPERM) || errors.Is(err, unix.EINVAL) {
			err = unix.Mount("/proc/thread-self/fd/"+strconv.Itoa(int(fd)), path, "", unix.MS_BIND, "")
		}
	})
	if closed != nil {
		return closed
	}
	return err
}

func moveTree(fd int, path string) error {
	tree, err := unix.OpenTree(fd, "", unix.OPEN_TREE_CLONE|unix.OPEN_TREE_CLOEXEC|unix.AT_EMPTY_PATH)
	if err != nil {
		return err
	}
	defer unix.Close(tree)
	return unix.MoveMount(tree, "", unix.AT_FDCWD, path, unix.MOVE_MOUNT_F_EMPTY_PATH)
}

// shareNetnsDir does what ip-netns(8) does, so that names appear in the other mount namespaces that have the directory.
func shareNetnsDir() error {
	if err := os.MkdirAll(netnsDir, 0o755); err != nil {
		return err
	}
	err := unix.Mount("", netnsDir, "none", unix.MS_SHARED|unix.MS_REC, "")
	if !errors.Is(err, unix.EINVAL) {
		return os.NewSyscallError("make "+netnsDir+" a shared mount", err)
	}
	// not a mount yet
	if err := unix.Mount(netnsDir, netnsDir, "none", unix.MS_BIND|unix.MS_REC, ""); err != nil {
		return os.NewSyscallError("mount "+netnsDir+" on itself", err)
	}
	return os.NewSyscallError("make "+netnsDir+" a shared mount", unix.Mount("", netnsDir, "none", unix.MS_SHARED|unix.MS_REC, ""))
}

// explainMount says why a mount namespace cannot be bound: EINVAL, from move_mount(2) also ELOOP.
func explainMount(path string, err error) error {
	if point, shared := mountOf(filepath.Dir(path)); shared {
		return fmt.Errorf("%w: a mount namespace needs a private mount to be pinned on, and %s is shared", err, point)
	}
	return fmt.Errorf("%w: a mount namespace cannot be pinned in itself, nor in a younger one", err)
}

// mountOf returns the mount point that dir is on, and whether it is shared.
func mountOf(dir string) (point string, shared bool) {
	var st unix.Statx_t
	if unix.Statx(unix.AT_FDCWD, dir, 0, unix.STATX_MNT_ID, &st) != nil || st.Mask&unix.STATX_MNT_ID == 0 { // Linux 5.8
		return "", false
	}
	self, err := procfs.OpenThread()
	if err != nil {
		return "", false
	}
	defer self.Close()
	mounts, err := self.Mounts()
	if err != nil {
		return "", false
	}
	for m := range mounts {
		if m.ID == st.Mnt_id {
			return m.Path, m.Shared
		}
	}
	return "", false
}

func unpin(path string) error {
	fd, _, err := openPath(path)
	if err != nil {
		return err
	}
	unix.Close(fd)
	err = unix.Unmount(path, unix.MNT_DETACH|unix.UMOUNT_NOFOLLOW)
	if errors.Is(err, unix.EINVAL) {
		return ErrNotPinned
	}
	if err != nil {
		return os.NewSyscallError("umount", err)
	}
	return os.Remove(path)
}
