//go:build linux && cgo

package main

import (
	"errors"
	"fmt"
	"os"
	"runtime"
	"unsafe"

	"golang.org/x/sys/unix"
)

// quiet are the calls that nobody is asked about: the Go runtime's own, of which there are many and of which no step of
// the library's depends.
var quiet = []uint32{
	unix.SYS_FUTEX, unix.SYS_EPOLL_PWAIT, unix.SYS_NANOSLEEP, unix.SYS_CLOCK_NANOSLEEP, unix.SYS_SCHED_YIELD,
	unix.SYS_GETTID, unix.SYS_TGKILL, unix.SYS_RT_SIGRETURN, unix.SYS_RESTART_SYSCALL, unix.SYS_SIGALTSTACK,
	unix.SYS_CLOCK_GETTIME, unix.SYS_SCHED_GETAFFINITY,
}

var arch = map[string]uint32{"amd64": unix.AUDIT_ARCH_X86_64, "arm64": unix.AUDIT_ARCH_AARCH64}[runtime.GOARCH]

// Offsets in struct seccomp_data.
const (
	offsetNR   = 0
	offsetArch = 4
)

// program asks about all calls but the quiet ones.
func program() []unix.SockFilter {
	load := func(offset uint32) unix.SockFilter {
		return unix.SockFilter{Code: unix.BPF_LD | unix.BPF_W | unix.BPF_ABS, K: offset}
	}
	ret := func(action uint32) unix.SockFilter {
		return unix.SockFilter{Code: unix.BPF_RET | unix.BPF_K, K: action}
	}
	equals := func(k uint32, yes, no uint8) unix.SockFilter {
		return unix.SockFilter{Code: unix.BPF_JMP | unix.BPF_JEQ | unix.BPF_K, Jt: yes, Jf: no, K: k}
	}
	filter := []unix.SockFilter{load(offsetArch), equals(arch, 1, 0), ret(unix.SECCOMP_RET_ALLOW), load(offsetNR)}
	for i, nr := range quiet {
		filter = append(filter, equals(nr, uint8(len(quiet)-i), 0))
	}
	return append(filter, ret(unix.SECCOMP_RET_USER_NOTIF), ret(unix.SECCOMP_RET_ALLOW))
}

// installFilter is for a locked thread. All that it starts has the filter, and so has the program that it executes. The
// answer is the listener: until somebody listens, whatever the thread does next waits.
func installFilter() (listener int, err error) {
	if arch == 0 {
		return -1, fmt.Errorf("install filter: unknown architecture %s", runtime.GOARCH)
	}
	if os.Geteuid() != 0 { // whoever has no privileges must not filter what gains them
		if err := unix.Prctl(unix.PR_SET_NO_NEW_PRIVS, 1, 0, 0, 0); err != nil {
			return -1, os.NewSyscallError("prctl", err)
		}
	}
	filter := program()
	fprog := unix.SockFprog{Len: uint16(len(filter)), Filter: &filter[0]}
	fd, _, errno := unix.RawSyscall(unix.SYS_SECCOMP, unix.SECCOMP_SET_MODE_FILTER,
		unix.SECCOMP_FILTER_FLAG_NEW_LISTENER, uintptr(unsafe.Pointer(&fprog)))
	if errno != 0 {
		return -1, os.NewSyscallError("seccomp", errno)
	}
	return int(fd), nil
}

// controlFD is a process's socket to the driver.
const controlFD = 3

// runShim sends the listener from one thread, and becomes the caller on another, which has the filter: there is nobody
// to let that one send it.
func runShim([]string) error {
	installed, heard := make(chan int), make(chan struct{})
	failed := make(chan error)
	go func() {
		runtime.LockOSThread()
		listener, err := installFilter()
		if err != nil {
			failed <- err
			return
		}
		installed <- listener
		<-heard
		failed <- becomeCaller()
	}()
	select {
	case err := <-failed:
		return err
	case listener := <-installed:
		if err := unix.Sendmsg(controlFD, []byte{0}, unix.UnixRights(listener), nil, 0); err != nil {
			return os.NewSyscallError("sendmsg", err)
		}
		var word [1]byte
		if n, err := unix.Read(controlFD, word[:]); n != 1 {
			return errors.Join(errors.New("the driver is gone"), err)
		}
	}
	close(heard)
	return <-failed
}

// becomeCaller: without a driver there is nobody to answer for the kernel, and every call fails, exit too. The signal is
// this thread's, which is the one that executes.
func becomeCaller() error {
	if err := unix.Prctl(unix.PR_SET_PDEATHSIG, uintptr(unix.SIGKILL), 0, 0, 0); err != nil {
		return os.NewSyscallError("prctl", err)
	}
	if err := os.Setenv(roleVariable, "caller"); err != nil {
		return err
	}
	return unix.Exec("/proc/self/exe", os.Args, os.Environ())
}
