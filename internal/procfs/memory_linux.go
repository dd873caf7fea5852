package procfs

import (
	"strconv"

	"golang.org/x/sys/unix"
)

// HasMemory tells whether a process has any: one that exits gives it up first, a zombie has none. Unlike most of what
// procfs says about a process, everybody may ask this.
func HasMemory(pid int) bool {
	root, err := keptRoot()
	if err != nil {
		return false
	}
	fd, err := openFile(int(root.Fd()), strconv.Itoa(pid)+"/statm")
	if err != nil {
		return false
	}
	defer unix.Close(fd)
	var pages [1]byte // the first digit of its size
	n, err := unix.Read(fd, pages[:])
	return err == nil && n == 1 && pages[0] != '0'
}
