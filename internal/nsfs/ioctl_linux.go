package nsfs

import (
	"golang.org/x/sys/unix"

	"nsexec/internal/raw"
)

// The ioctls of a namespace's file, include/uapi/linux/nsfs.h. x/sys/unix has none of them.
const (
	nsGetUserNS   = none | 0xb701              // NS_GET_USERNS, since Linux 4.9
	nsGetParent   = none | 0xb702              // NS_GET_PARENT, since Linux 4.9
	nsGetType     = none | 0xb703              // NS_GET_NSTYPE, since Linux 4.11
	nsGetOwnerUID = none | 0xb704              // NS_GET_OWNER_UID, since Linux 4.11
	nsGetMntID    = read | 8<<16 | 0xb705      // NS_GET_MNTNS_ID, since Linux 6.11
	nsGetPIDFrom  = read | 4<<16 | 0xb706      // NS_GET_PID_FROM_PIDNS, since Linux 6.11
	nsGetPIDIn    = read | 4<<16 | 0xb708      // NS_GET_PID_IN_PIDNS, since Linux 6.11
	nsGetID       = read | 8<<16 | 0xb700 | 13 // NS_GET_ID, since Linux 6.18
)

// UserNS opens the user namespace that owns the namespace fd.
func UserNS(fd int) (int, error) { return raw.Ioctl(fd, nsGetUserNS, 0) }

// Parent opens the parent of the user or pid namespace fd.
func Parent(fd int) (int, error) { return raw.Ioctl(fd, nsGetParent, 0) }

// OwnerUID returns the user id that created the user namespace fd.
func OwnerUID(fd int) (int, error) {
	uid, err := unix.IoctlGetUint32(fd, nsGetOwnerUID)
	return int(uid), err
}

// Type returns the CLONE_NEW* value of the namespace fd; 0 and ENOTTY if fd is something else.
//
// The filesystem is asked first: an ioctl number means whatever a driver likes on a device.
func Type(fd int) (uint64, error) {
	magic, err := Magic(fd)
	if err != nil {
		return 0, err
	}
	if magic != unix.NSFS_MAGIC {
		return 0, unix.ENOTTY
	}
	t, err := unix.IoctlRetInt(fd, nsGetType)
	return uint64(t), err
}

// Magic returns the magic number of the filesystem that fd stands on.
func Magic(fd int) (uint32, error) {
	var st unix.Statfs_t
	if err := unix.Fstatfs(fd, &st); err != nil {
		return 0, err
	}
	return uint32(st.Type), nil
}
