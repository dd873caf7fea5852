//go:build linux && cgo

package main

import (
	"fmt"
	"os"
	"os/exec"
	"runtime"
	"strings"

	"golang.org/x/sys/unix"
)

// machine describes where this was measured, as rows of a table; but for the load, which changes.
func machine() string {
	var name unix.Utsname
	_ = unix.Uname(&name) // cannot fail
	var memory unix.Sysinfo_t
	_ = unix.Sysinfo(&memory) // cannot fail
	rows := [][2]string{
		{"processor", fmt.Sprintf("%s, %d cores", fieldOf("/proc/cpuinfo", "model name"), runtime.NumCPU())},
		{"memory", fmt.Sprintf("%d GiB", memory.Totalram*uint64(memory.Unit)>>30)},
		{"kernel", unix.ByteSliceToString(name.Release[:])},
		{"C library", said("getconf", "GNU_LIBC_VERSION")},
		{"Go", strings.TrimPrefix(runtime.Version(), "go")},
	}
	for _, peer := range []string{"nsenter", "runc", "crun"} {
		rows = append(rows, [2]string{peer, said(peer, "--version")})
	}
	var b strings.Builder
	for _, row := range rows {
		fmt.Fprintf(&b, "| %s | %s |\n", row[0], row[1])
	}
	return b.String()
}

// said is the first line that a program prints.
func said(program string, arg ...string) string {
	out, err := exec.Command(program, arg...).Output()
	if err != nil {
		return "none"
	}
	line, _, _ := strings.Cut(string(out), "\n")
	return line
}

func fieldOf(file, key string) string {
	text, _ := os.ReadFile(file) // what cannot be read is not known
	for line := range strings.Lines(string(text)) {
		name, value, _ := strings.Cut(line, ":")
		if strings.TrimSpace(name) == key {
			return strings.TrimSpace(value)
		}
	}
	return "not known"
}

// load is how busy the machine is: of the last 1, 5 and 15 minutes, with what is measured.
func load() string {
	text, err := os.ReadFile("/proc/loadavg")
	if err != nil {
		return "not known"
	}
	return strings.Join(strings.Fields(string(text))[:3], " ")
}
