package raw

import (
	"unsafe"

	"golang.org/x/sys/unix"
)

// path is a C string on the stack.
type path [64]byte

func (p *path) set(name string) error {
	if copy(p[:len(p)-1], name) < len(name) {
		return unix.ENAMETOOLONG
	}
	return nil
}

// Openat is openat(2). The kernel closes the file on exec.
func Openat(dir int, name string, flags int) (int, error) {
	var p path
	if err := p.set(name); err != nil {
		return -1, err
	}
	return result(unix.RawSyscall6(unix.SYS_OPENAT, uintptr(dir), uintptr(unsafe.Pointer(&p)),
		uintptr(flags|unix.O_CLOEXEC), 0, 0, 0))
}

// Readlinkat is readlinkat(2).
func Readlinkat(dir int, name string, buf []byte) (int, error) {
	var p path
	if err := p.set(name); err != nil {
		return -1, err
	}
	return result(unix.RawSyscall6(unix.SYS_READLINKAT, uintptr(dir), uintptr(unsafe.Pointer(&p)),
		uintptr(unsafe.Pointer(unsafe.SliceData(buf))), uintptr(len(buf)), 0, 0))
}

// Ioctl is ioctl(2) with a number as its argument.
func Ioctl(fd int, request, arg uintptr) (int, error) {
	return result(unix.RawSyscall(unix.SYS_IOCTL, uintptr(fd), request, arg))
}

// IoctlUint64 is ioctl(2) for a request that fills in a number.
func IoctlUint64(fd int, request uintptr) (value uint64, err error) {
	_, err = result(unix.RawSyscall(unix.SYS_IOCTL, uintptr(fd), request, uintptr(unsafe.Pointer(&value))))
	return value, err
}

// Getrlimit is getrlimit(2).
func Getrlimit(resource int, limit *unix.Rlimit) error {
	_, err := result(unix.RawSyscall6(unix.SYS_PRLIMIT64, 0, uintptr(resource), 0, uintptr(unsafe.Pointer(limit)), 0, 0))
	return err
}

// PidfdOpen is pidfd_open(2). The kernel closes it on exec.
func PidfdOpen(pid int) (int, error) {
	return result(unix.RawSyscall(unix.SYS_PIDFD_OPEN, uintptr(pid), 0, 0))
}

// Close is close(2).
func Close(fd int) { _, _, _ = unix.RawSyscall(unix.SYS_CLOSE, uintptr(fd), 0, 0) }

func result(value, _ uintptr, errno unix.Errno) (int, error) {
	if errno != 0 {
		return -1, errno
	}
	return int(value), nil
}
