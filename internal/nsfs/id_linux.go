package nsfs

import (
	"encoding/binary"
	"errors"
	"os"

	"golang.org/x/sys/unix"

	"nsexec/internal/kernel"
	"nsexec/internal/raw"
)

// ID returns the 64-bit id of the namespace fd, which no other one gets as long as the machine runs.
func ID(fd int) (uint64, error) { return raw.IoctlUint64(fd, nsGetID) }

// MountID is ID for mount namespaces, seven kernels earlier.
func MountID(fd int) (uint64, error) { return raw.IoctlUint64(fd, nsGetMntID) }

// PIDIn returns the number that the caller's process pid has in the pid namespace fd. ESRCH: none.
func PIDIn(fd, pid int) (int, error) { return raw.Ioctl(fd, nsGetPIDIn, uintptr(pid)) }

// PIDFrom returns the caller's number for the process pid of the pid namespace fd. ESRCH: none.
func PIDFrom(fd, pid int) (int, error) { return raw.Ioctl(fd, nsGetPIDFrom, uintptr(pid)) }

// OpenByID opens a namespace by its 64-bit id, type (a CLONE_NEW* value) and inode number. ESTALE: there is none
// that the caller may see.
func OpenByID(id, t, inode uint64) (int, error) {
	// struct nsfs_file_handle, include/uapi/linux/nsfs.h
	handle := binary.NativeEndian.AppendUint64(nil, id)
	handle = binary.NativeEndian.AppendUint32(handle, uint32(t))
	handle = binary.NativeEndian.AppendUint32(handle, uint32(inode))
	const fileidNSFS = 0xf1 // FILEID_NSFS
	return unix.OpenByHandleAt(unix.FD_NSFS_ROOT, unix.NewFileHandle(fileidNSFS, handle), unix.O_RDONLY|unix.O_CLOEXEC)
}

// IDs tells whether ID works for all types.
var IDs = &kernel.Probe{
	Name:  "NS_GET_ID",
	Since: "6.18",
	Try: onOwn("net", func(fd int) error {
		_, err := ID(fd)
		return err
	}),
}

// MountIDs tells whether MountID works.
var MountIDs = &kernel.Probe{
	Name:  "NS_GET_MNTNS_ID",
	Since: "6.11",
	Try: onOwn("mnt", func(fd int) error {
		_, err := MountID(fd)
		return err
	}),
}

// PIDTranslation tells whether PIDIn and PIDFrom work.
var PIDTranslation = &kernel.Probe{
	Name:  "NS_GET_PID_IN_PIDNS",
	Since: "6.11",
	Try: onOwn("pid", func(fd int) error {
		_, err := PIDIn(fd, os.Getpid())
		return err
	}),
}

// OpenIDs tells whether OpenByID works.
var OpenIDs = &kernel.Probe{
	Name:  "open_by_handle_at on nsfs",
	Since: "6.18",
	Try: onOwn("net", func(fd int) error {
		id, err := ID(fd)
		if err != nil {
			return err
		}
		var st unix.Stat_t
		if err := unix.Fstat(fd, &st); err != nil {
			return err
		}
		again, err := OpenByID(id, unix.CLONE_NEWNET, st.Ino)
		if err == nil {
			unix.Close(again)
		}
		if errors.Is(err, unix.EBADF) { // FD_NSFS_ROOT is taken for a bad descriptor
			err = unix.ENOTTY
		}
		return err
	}),
}

// onOwn makes a probe of a call on a namespace of our own. ENOTTY and EINVAL are how kernels refuse an unknown ioctl.
func onOwn(name string, try func(fd int) error) func() kernel.Answer {
	return func() kernel.Answer {
		fd, err := unix.Open("/proc/thread-self/ns/"+name, unix.O_RDONLY|unix.O_CLOEXEC, 0)
		if err != nil {
			return kernel.Unknown
		}
		defer unix.Close(fd)
		err = try(fd)
		switch {
		case err == nil:
			return kernel.Yes
		case errors.Is(err, unix.ENOTTY), errors.Is(err, unix.EINVAL):
			return kernel.No
		}
		return kernel.Unknown
	}
}
