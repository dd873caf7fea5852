package procfs

import (
	"fmt"
	"os"
	"strconv"
	"strings"
	"sync/atomic"

	"github.com/cyphar/filepath-securejoin/pathrs-lite/procfs"

	"nsexec/internal/raw"
)

// kept is the verified root of procfs, O_PATH, for questions that are asked too often to pay pathrs's 16 us
// each time. It never leaves this package, and is closed on exec.
var kept atomic.Pointer[os.File]

func keptRoot() (*os.File, error) {
	if f := kept.Load(); f != nil {
		return f, nil
	}
	proc, err := procfs.OpenProcRoot()
	if err != nil {
		return nil, err
	}
	defer proc.Close()
	f, err := proc.OpenRoot(".")
	if err != nil {
		return nil, err
	}
	if !kept.CompareAndSwap(nil, f) {
		f.Close()
	}
	return kept.Load(), nil
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
