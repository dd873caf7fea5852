package testutil

import (
	"fmt"
	"os"
	"syscall"
	"testing"

	"golang.org/x/sys/unix"
)

// Types of namespaces are plain bits here: this package may not import ns, whose tests use it.
const (
	// AllTypes is every type that Linux has.
	AllTypes = ContainerTypes | unix.CLONE_NEWTIME | unix.CLONE_NEWUSER
	// PrivilegedTypes is every type but user: what root can make without a user namespace.
	PrivilegedTypes = AllTypes &^ unix.CLONE_NEWUSER
	// ContainerTypes is what a container runtime makes by default.
	ContainerTypes uint64 = unix.CLONE_NEWCGROUP | unix.CLONE_NEWIPC | unix.CLONE_NEWNS |
		unix.CLONE_NEWNET | unix.CLONE_NEWPID | unix.CLONE_NEWUTS
)

// TypeBits has the bit of each type by its name in /proc/PID/ns.
var TypeBits = map[string]uint64{
	"cgroup": unix.CLONE_NEWCGROUP,
	"ipc":    unix.CLONE_NEWIPC,
	"mnt":    unix.CLONE_NEWNS,
	"net":    unix.CLONE_NEWNET,
	"pid":    unix.CLONE_NEWPID,
	"time":   unix.CLONE_NEWTIME,
	"user":   unix.CLONE_NEWUSER,
	"uts":    unix.CLONE_NEWUTS,
}

// Namespace returns the inode number of a process's namespace, read without any code of the library.
func Namespace(t testing.TB, pid int, name string) uint64 {
	t.Helper()
	var st syscall.Stat_t
	path := fmt.Sprintf("/proc/%d/ns/%s", pid, name)
	if err := syscall.Stat(path, &st); err != nil {
		t.Fatalf("stat %s: %v", path, err)
	}
	return st.Ino
}

// Namespaces returns the inode numbers of all namespaces of a process, by name; what the kernel lacks is missing.
func Namespaces(t testing.TB, pid int) map[string]uint64 {
	t.Helper()
	inodes := make(map[string]uint64)
	for name := range TypeBits {
		if _, err := os.Lstat("/proc/self/ns/" + name); err == nil {
			inodes[name] = Namespace(t, pid, name)
		}
	}
	return inodes
}
