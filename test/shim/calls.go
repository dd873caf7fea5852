//go:build linux

package main

import "golang.org/x/sys/unix"

// call is a system call, or one form of it, that kernels or filters may not know.
type call struct {
	name    string
	since   string // the mainline version that it came with
	numbers []uint32
	form    form
	not     unix.Errno // this one not
}

// form is the calls with an argument that is want under mask, or, several, of which more than one bit is set. The zero
// form is every call.
type form struct {
	argument   int
	mask, want uint32
	several    bool
}

// The ioctls of nsfs that came with 6.11 and later read something; those before do not (linux/nsfs.h). Those of pidfds
// are all alike (linux/pidfd.h).
const (
	newOfNSFS = unix.FS_IOC_GETFLAGS&0xe0000000 | 0xb700
	ofPIDFD   = 0xff00
	ofType    = 0xff00
)

// calls are those that the library makes and that came after Linux 4.10, and their kind, with what came together as one.
// And execveat, which is hidden to see that the library does without.
// Not an errno that the programs of the tests do not take for missing: EPERM for statx (ls, crun), EINVAL for faccessat2 (Go's
// own os/exec). Nor EPERM for a setns of several namespaces: it is how the kernel answers those without the right.
var calls = []call{
	{name: "execveat", since: "3.19", numbers: []uint32{unix.SYS_EXECVEAT}},
	{name: "statx", since: "4.11", numbers: []uint32{unix.SYS_STATX}, not: unix.EPERM},
	{name: "pidfd_send_signal", since: "5.1", numbers: []uint32{unix.SYS_PIDFD_SEND_SIGNAL}},
	{name: "fsopen", since: "5.2", numbers: []uint32{unix.SYS_FSOPEN, unix.SYS_FSCONFIG, unix.SYS_FSMOUNT}},
	{name: "open_tree", since: "5.2", numbers: []uint32{unix.SYS_OPEN_TREE}},
	{name: "move_mount", since: "5.2", numbers: []uint32{unix.SYS_MOVE_MOUNT}},
	{name: "clone:CLONE_PIDFD", since: "5.2", numbers: []uint32{unix.SYS_CLONE}, form: form{argument: 0, mask: unix.CLONE_PIDFD, want: unix.CLONE_PIDFD}},
	{name: "pidfd_open", since: "5.3", numbers: []uint32{unix.SYS_PIDFD_OPEN}},
	{name: "clone3", since: "5.3", numbers: []uint32{unix.SYS_CLONE3}},
	{name: "waitid:P_PIDFD", since: "5.4", numbers: []uint32{unix.SYS_WAITID}, form: form{argument: 0, mask: all, want: unix.P_PIDFD}},
	{name: "openat2", since: "5.6", numbers: []uint32{unix.SYS_OPENAT2}},
	{name: "pidfd_getfd", since: "5.6", numbers: []uint32{unix.SYS_PIDFD_GETFD}},
	{name: "faccessat2", since: "5.8", numbers: []uint32{unix.SYS_FACCESSAT2}, not: unix.EINVAL},
	{name: "setns:several", since: "5.8", numbers: []uint32{unix.SYS_SETNS}, form: form{argument: 1, several: true}, not: unix.EPERM},
	{name: "close_range", since: "5.9", numbers: []uint32{unix.SYS_CLOSE_RANGE}},
	{name: "memfd_create:MFD_EXEC", since: "6.3", numbers: []uint32{unix.SYS_MEMFD_CREATE}, form: form{argument: 1, mask: unix.MFD_EXEC, want: unix.MFD_EXEC}},
	{name: "setsockopt:SO_PASSPIDFD", since: "6.5", numbers: []uint32{unix.SYS_SETSOCKOPT}, form: form{argument: 2, mask: all, want: unix.SO_PASSPIDFD}},
	{name: "ioctl:nsfs", since: "6.11", numbers: []uint32{unix.SYS_IOCTL}, form: form{argument: 1, mask: newOfNSFS&^0xff00 | ofType, want: newOfNSFS}},
	{name: "ioctl:pidfd", since: "6.11", numbers: []uint32{unix.SYS_IOCTL}, form: form{argument: 1, mask: ofType, want: ofPIDFD}},
	{name: "open_by_handle_at", since: "6.18", numbers: []uint32{unix.SYS_OPEN_BY_HANDLE_AT}},
	{name: "listns", since: "6.19", numbers: []uint32{unix.SYS_LISTNS}},
}

const all = ^uint32(0)
