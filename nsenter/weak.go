//go:build linux && cgo

package nsenter

/*
#cgo nsexec_weak_bind CFLAGS: -DWEAK_BIND=1
#cgo nsexec_weak_cwd CFLAGS: -DWEAK_CWD=1
#cgo nsexec_weak_dumpable CFLAGS: -DWEAK_DUMPABLE=1
#cgo nsexec_weak_environ CFLAGS: -DWEAK_ENVIRON=1
#cgo nsexec_weak_executable CFLAGS: -DWEAK_EXECUTABLE=1
#cgo nsexec_weak_files CFLAGS: -DWEAK_FILES=1
#cgo nsexec_weak_groups CFLAGS: -DWEAK_GROUPS=1
#cgo nsexec_weak_here CFLAGS: -DWEAK_HERE=1
#cgo nsexec_weak_inert CFLAGS: -DWEAK_INERT=1
#cgo nsexec_weak_inheritable CFLAGS: -DWEAK_INHERITABLE=1
#cgo nsexec_weak_late CFLAGS: -DWEAK_LATE=1
#cgo nsexec_weak_malformed CFLAGS: -DWEAK_MALFORMED=1
#cgo nsexec_weak_mode CFLAGS: -DWEAK_MODE=1
#cgo nsexec_weak_procfs CFLAGS: -DWEAK_PROCFS=1
#cgo nsexec_weak_session CFLAGS: -DWEAK_SESSION=1
#cgo nsexec_weak_variable CFLAGS: -DWEAK_VARIABLE=1
#cgo nsexec_weak_workers CFLAGS: -DWEAK_WORKERS=1
#include "weak.h"
*/
import "C"

import (
	"fmt"
	"os"

	"golang.org/x/sys/unix"
)

// What weak.h drops on this side of the wire. All are false but in the builds that test/attack makes for itself.
const (
	weakBind       = C.WEAK_BIND != 0
	weakEnviron    = C.WEAK_ENVIRON != 0
	weakExecutable = C.WEAK_EXECUTABLE != 0
	weakMode       = C.WEAK_MODE != 0
	weakWorkers    = C.WEAK_WORKERS != 0
	weakAny        = C.WEAK_ANY != 0
)

func init() {
	if weakAny {
		fmt.Fprintln(os.Stderr, "nsexec: a weakened build, for tests")
	}
}

// boundExecutable is the rejected alternative to an overlay: a bind mount, made read-only. Its flag can be
// cleared, as long as the mount is kept.
func boundExecutable() (*os.File, error) {
	mount, err := unix.OpenTree(unix.AT_FDCWD, ownExecutable, unix.OPEN_TREE_CLONE|unix.OPEN_TREE_CLOEXEC)
	if err != nil {
		return nil, os.NewSyscallError("open_tree", err)
	}
	attr := unix.MountAttr{Attr_set: unix.MOUNT_ATTR_RDONLY}
	if err := unix.MountSetattr(mount, "", unix.AT_EMPTY_PATH, &attr); err != nil {
		return nil, os.NewSyscallError("mount_setattr", err)
	}
	return os.Open(fmt.Sprintf("/proc/self/fd/%d", mount))
}
