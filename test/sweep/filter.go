//go:build linux && cgo

package main

import (
	"errors"
	"fmt"
	"os"
	"path/filepath"
	"runtime"
	"strconv"
	"syscall"
	"time"
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

// controlFD is a caller's socket to the driver.
const controlFD = 3

// runShim becomes the caller, under a filter. All that the thread starts has that, and so has the program that it
// executes. Without a driver there is nobody to answer for the kernel, and every call fails, exit too: so the caller dies
// with it. The signal is the thread's.
func runShim([]string) error {
	if arch == 0 {
		return fmt.Errorf("install filter: unknown architecture %s", runtime.GOARCH)
	}
	runtime.LockOSThread()
	if err := unix.Prctl(unix.PR_SET_PDEATHSIG, uintptr(unix.SIGKILL), 0, 0, 0); err != nil {
		return os.NewSyscallError("prctl", err)
	}
	if os.Geteuid() != 0 { // whoever has no privileges must not filter what gains them
		if err := unix.Prctl(unix.PR_SET_NO_NEW_PRIVS, 1, 0, 0, 0); err != nil {
			return os.NewSyscallError("prctl", err)
		}
	}
	if err := os.Setenv(roleVariable, "caller"); err != nil {
		return err
	}
	argv, err := syscall.SlicePtrFromStrings(os.Args)
	if err != nil {
		return err
	}
	env, err := syscall.SlicePtrFromStrings(os.Environ())
	if err != nil {
		return err
	}
	return execFiltered(argv, env)
}

// execFiltered has nothing between its two calls. The second one waits until somebody listens, as any would; the Go
// runtime, asked for the least thing, may start a thread, which nobody would let it.
func execFiltered(argv, env []*byte) error {
	filter := program()
	fprog := unix.SockFprog{Len: uint16(len(filter)), Filter: &filter[0]}
	path := append([]byte("/proc/self/exe"), 0)
	_, _, errno := unix.RawSyscall(unix.SYS_SECCOMP, unix.SECCOMP_SET_MODE_FILTER,
		unix.SECCOMP_FILTER_FLAG_NEW_LISTENER, uintptr(unsafe.Pointer(&fprog)))
	if errno == 0 {
		_, _, errno = unix.RawSyscall(unix.SYS_EXECVE, uintptr(unsafe.Pointer(&path[0])),
			uintptr(unsafe.Pointer(&argv[0])), uintptr(unsafe.Pointer(&env[0])))
	}
	return os.NewSyscallError("seccomp", errno)
}

// takeListener takes the other end of the filter from the shim, once it has that. Until somebody listens the shim waits.
func takeListener(shim *os.Process) (listener int, err error) {
	theirs := -1
	for theirs < 0 {
		if !isAlive(shim.Pid) {
			return -1, errors.New("take listener: there is none")
		}
		time.Sleep(time.Millisecond)
		theirs = listenerOf(shim.Pid)
	}
	handleErr := shim.WithHandle(func(pidfd uintptr) {
		listener, err = unix.PidfdGetfd(int(pidfd), theirs, 0)
	})
	return listener, errors.Join(os.NewSyscallError("pidfd_getfd", err), handleErr)
}

// listenerOf is its number in a process, or -1.
func listenerOf(pid int) int {
	dir := procOf(pid) + "/fd"
	entries, _ := os.ReadDir(dir)
	for _, entry := range entries {
		if link, _ := os.Readlink(filepath.Join(dir, entry.Name())); link == "anon_inode:seccomp notify" {
			fd, _ := strconv.Atoi(entry.Name())
			return fd
		}
	}
	return -1
}
