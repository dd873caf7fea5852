//go:build linux

package main

import (
	"encoding/binary"
	"fmt"
	"os"
	"runtime"
	"unsafe"

	"golang.org/x/sys/unix"
)

// Offsets in struct seccomp_data. Arguments have 64 bits; what is looked at are their low halves.
const (
	atNumber    = 0
	atArguments = 16
)

// program is the filter's: each number of the call has a block that ends with the errno, or is passed over. All other
// architectures' calls than the machine's own are passed: nothing here makes them.
func (c *call) program(errno unix.Errno) []unix.SockFilter {
	var all []unix.SockFilter
	for _, number := range c.numbers {
		block := append(c.form.match(), ret(unix.SECCOMP_RET_ERRNO|uint32(errno)))
		all = append(all, load(atNumber), unlessEqual(number, len(block)))
		all = append(all, block...)
	}
	return append(all, ret(unix.SECCOMP_RET_ALLOW))
}

// match passes over the one instruction that follows for other forms of the call.
func (f form) match() []unix.SockFilter {
	if f == (form{}) {
		return nil
	}
	at := uint32(atArguments + 8*f.argument)
	if binary.NativeEndian.Uint16([]byte{0, 1}) == 1 { // big-endian
		at += 4
	}
	if !f.several {
		return []unix.SockFilter{load(at), {Code: unix.BPF_ALU | unix.BPF_AND | unix.BPF_K, K: f.mask}, unlessEqual(f.want, 1)}
	}
	return []unix.SockFilter{ // n & (n-1)
		load(at),
		{Code: unix.BPF_MISC | unix.BPF_TAX},
		{Code: unix.BPF_ALU | unix.BPF_SUB | unix.BPF_K, K: 1},
		{Code: unix.BPF_ALU | unix.BPF_AND | unix.BPF_X},
		{Code: unix.BPF_JMP | unix.BPF_JEQ | unix.BPF_K, K: 0, Jt: 1},
	}
}

func load(at uint32) unix.SockFilter {
	return unix.SockFilter{Code: unix.BPF_LD | unix.BPF_W | unix.BPF_ABS, K: at}
}

// unlessEqual passes over n instructions unless what was loaded is that value.
func unlessEqual(value uint32, n int) unix.SockFilter {
	return unix.SockFilter{Code: unix.BPF_JMP | unix.BPF_JEQ | unix.BPF_K, K: value, Jf: uint8(n)}
}

func ret(what uint32) unix.SockFilter {
	return unix.SockFilter{Code: unix.BPF_RET | unix.BPF_K, K: what}
}

// install makes the calling thread, and all that it executes, see the filter. An ordinary user may only do so who
// gives up set-user-ID programs.
func install(program []unix.SockFilter) error {
	runtime.LockOSThread()
	if os.Geteuid() != 0 {
		if err := unix.Prctl(unix.PR_SET_NO_NEW_PRIVS, 1, 0, 0, 0); err != nil {
			return fmt.Errorf("give up new privileges: %w", err)
		}
	}
	filter := unix.SockFprog{Len: uint16(len(program)), Filter: &program[0]}
	_, _, errno := unix.Syscall(unix.SYS_SECCOMP, unix.SECCOMP_SET_MODE_FILTER, 0, uintptr(unsafe.Pointer(&filter)))
	runtime.KeepAlive(program)
	if errno != 0 {
		return fmt.Errorf("install filter: %w", errno)
	}
	return nil
}
