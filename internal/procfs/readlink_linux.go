package procfs

import (
	"unsafe"

	"golang.org/x/sys/unix"
)

// readlinkat is readlinkat(2) for procfs's own links, which the kernel makes up without waiting for anything: so
// Go's scheduler need not be told (RawSyscall), and a short path is not copied to the heap. A listing makes ten
// thousand of these calls.
func readlinkat(dir int, path string, buf []byte) (int, error) {
	var name [64]byte // ends with a zero byte
	if len(path) >= len(name) || len(buf) == 0 {
		return unix.Readlinkat(dir, path, buf)
	}
	copy(name[:], path)
	n, _, errno := unix.RawSyscall6(unix.SYS_READLINKAT, uintptr(dir), uintptr(unsafe.Pointer(&name)),
		uintptr(unsafe.Pointer(&buf[0])), uintptr(len(buf)), 0, 0)
	if errno != 0 {
		return -1, errno
	}
	return int(n), nil
}
