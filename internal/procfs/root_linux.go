package procfs

import (
	"fmt"
	"os"
	"strconv"
	"strings"
	"sync/atomic"

	"github.com/cyphar/filepath-securejoin/pathrs-lite/procfs"

	"golang.org/x/sys/unix"

	"nsexec/internal/raw"
)

// kept is the root of a procfs, O_PATH, for questions that are asked too often to pay pathrs's 16 us each time. It never
// leaves this package, and is closed on exec.
var kept atomic.Pointer[root]

type root struct {
	*os.File
	private bool
}

// Private tells that the procfs is our own, which hides no process (hidepid) whatever /proc does.
func Private() bool {
	root, err := keptRoot()
	return err == nil && root.private
}

// checkOwn is CheckOwn for this one.
func (r *root) checkOwn() error {
	if r.private {
		return nil
	}
	self, err := OpenThread()
	if err != nil {
		return err
	}
	defer self.Close()
	status, err := self.read("status")
	if err != nil {
		return err
	}
	return ownNumbers(status)
}

func keptRoot() (*root, error) {
	if f := kept.Load(); f != nil {
		return f, nil
	}
	f, err := mountRoot()
	private := err == nil
	if err != nil {
		if f, err = openRoot(); err != nil {
			return nil, err
		}
	}
	if !kept.CompareAndSwap(nil, &root{f, private}) {
		f.Close()
	}
	return kept.Load(), nil
}

// mountRoot mounts a procfs for us alone, of our own pid namespace. Nothing lies over it. It takes privilege; who has that
// need not be hidden from as pathrs does in what it mounts (hidepid=ptraceable), which costs a question at every step.
func mountRoot() (*os.File, error) {
	fs, err := unix.Fsopen("proc", unix.FSOPEN_CLOEXEC)
	if err != nil {
		return nil, err
	}
	defer unix.Close(fs)
	if err := unix.FsconfigSetString(fs, "subset", "pid"); err != nil {
		return nil, err
	}
	if err := unix.FsconfigCreate(fs); err != nil {
		return nil, err
	}
	const attributes = unix.MOUNT_ATTR_RDONLY | unix.MOUNT_ATTR_NOSUID | unix.MOUNT_ATTR_NODEV | unix.MOUNT_ATTR_NOEXEC |
		unix.MOUNT_ATTR_NOATIME
	fd, err := unix.Fsmount(fs, unix.FSMOUNT_CLOEXEC, attributes)
	if err != nil {
		return nil, err
	}
	return os.NewFile(uintptr(fd), "/proc"), nil
}

// openRoot opens the safest procfs there is.
func openRoot() (*os.File, error) {
	proc, err := procfs.OpenProcRoot()
	if err != nil {
		return nil, err
	}
	defer proc.Close()
	return proc.OpenRoot(".")
}

// ThreadNS returns the inode number of the namespace that the calling thread is in, by its name in
// /proc/thread-self/ns. It costs one system call.
func ThreadNS(name string) (uint64, error) {
	root, err := keptRoot()
	if err != nil {
		return 0, err
	}
	return linkInode(int(root.Fd()), threadNS[name])
}

// threadNS saves an allocation for each question.
var threadNS = func() map[string]string {
	paths := make(map[string]string)
	for _, name := range []string{"cgroup", "ipc", "mnt", "net", "pid", "time", "user", "uts"} {
		paths[name] = "thread-self/ns/" + name
	}
	return paths
}()

// linkInode reads what an entry of a ns directory points to.
func linkInode(dir int, path string) (uint64, error) {
	var buf [64]byte
	n, err := raw.Readlinkat(dir, path, buf[:])
	if err != nil {
		return 0, err
	}
	_, inode, err := ParseLink(string(buf[:n]))
	return inode, err
}

// ParseLink takes apart what procfs calls a namespace: "net:[4026531833]".
func ParseLink(text string) (name string, inode uint64, err error) {
	name, number, _ := strings.Cut(text, ":[")
	number, whole := strings.CutSuffix(number, "]")
	if !whole {
		return name, 0, fmt.Errorf("parse link %q: it is no namespace's", text)
	}
	inode, err = strconv.ParseUint(number, 10, 64)
	return name, inode, err
}

// ProcessNS is ThreadNS for the process's main thread.
func ProcessNS(name string) (uint64, error) {
	root, err := keptRoot()
	if err != nil {
		return 0, err
	}
	return linkInode(int(root.Fd()), "self/ns/"+name)
}
