//go:build linux && cgo

package main

import (
	"errors"
	"unsafe"

	"golang.org/x/sys/unix"
)

// notification is struct seccomp_notif: a call that waits for an answer.
type notification struct {
	id    uint64
	pid   uint32 // of the thread
	flags uint32
	nr    int32
	arch  uint32
	ip    uint64
	args  [6]uint64
}

// response is struct seccomp_notif_resp.
type response struct {
	id    uint64
	val   int64
	error int32 // a negative errno
	flags uint32
}

// listener is the other end of a filter.
type listener int

// receive waits for a call. It is an ENOENT if that has been interrupted meanwhile, and errEnd once nobody has the
// filter any more.
func (l listener) receive() (*notification, error) {
	fds := []unix.PollFd{{Fd: int32(l), Events: unix.POLLIN}}
	if _, err := unix.Poll(fds, -1); err != nil {
		return nil, err
	}
	if fds[0].Revents&unix.POLLIN == 0 {
		return nil, errEnd
	}
	var n notification // the kernel wants it zeroed
	_, _, errno := unix.Syscall(unix.SYS_IOCTL, uintptr(l), unix.SECCOMP_IOCTL_NOTIF_RECV, uintptr(unsafe.Pointer(&n)))
	if errno != 0 {
		return nil, errno
	}
	return &n, nil
}

var errEnd = errors.New("nobody has the filter any more")

// proceed lets a call be made.
func (l listener) proceed(n *notification) error {
	return l.send(&response{id: n.id, flags: unix.SECCOMP_USER_NOTIF_FLAG_CONTINUE})
}

// fail answers a call that is not made.
func (l listener) fail(n *notification, errno unix.Errno) error {
	return l.send(&response{id: n.id, error: -int32(errno)})
}

// send is an ENOENT for a call that nobody waits for any more.
func (l listener) send(r *response) error {
	_, _, errno := unix.Syscall(unix.SYS_IOCTL, uintptr(l), unix.SECCOMP_IOCTL_NOTIF_SEND, uintptr(unsafe.Pointer(r)))
	if errno != 0 {
		return errno
	}
	return nil
}
