// Command inert says all that it knows of itself, and exits with a status of its own. It is built with the library and
// without: nobody must be able to tell.
package main

import "C"

import (
	"fmt"
	"os"
	"strings"
	"unsafe"

	"golang.org/x/sys/unix"
)

func main() {
	fmt.Printf("%q\n%q\n", os.Args, os.Environ())
	for _, file := range []string{"environ", "cmdline", "comm", "limits", "cgroup", "personality", "oom_score_adj", "timerslack_ns"} {
		text, err := os.ReadFile("/proc/self/" + file)
		fmt.Printf("%s %q %v\n", file, text, err)
	}
	for _, link := range []string{"cwd", "root", "ns/mnt", "ns/pid", "ns/pid_for_children", "ns/net", "ns/uts", "ns/ipc", "ns/cgroup", "ns/time"} {
		fmt.Println(os.Readlink("/proc/self/" + link))
	}
	status()
	attributes()
	files()
	os.Exit(3)
}

func status() {
	text, _ := os.ReadFile("/proc/self/status")
	for line := range strings.Lines(string(text)) {
		for _, key := range []string{"Umask", "TracerPid", "Uid", "Gid", "Groups", "NoNewPrivs", "Seccomp", "Sig", "Shd", "Cap", "Cpus_allowed"} {
			if strings.HasPrefix(line, key) && !strings.HasPrefix(line, "SigQ") {
				fmt.Print(line)
			}
		}
	}
}

func attributes() {
	for _, option := range []int{unix.PR_GET_DUMPABLE, unix.PR_GET_KEEPCAPS, unix.PR_GET_SECUREBITS, unix.PR_GET_NO_NEW_PRIVS} {
		value, err := unix.PrctlRetInt(option, 0, 0, 0, 0)
		fmt.Println(option, value, err)
	}
	for _, option := range []int{unix.PR_GET_PDEATHSIG, unix.PR_GET_CHILD_SUBREAPER} {
		var value int32
		err := unix.Prctl(option, uintptr(unsafe.Pointer(&value)), 0, 0, 0)
		fmt.Println(option, value, err)
	}
}

// files leaves out the Go runtime's own, which are close-on-exec.
func files() {
	for fd := range 64 {
		var st unix.Stat_t
		flags, err := unix.FcntlInt(uintptr(fd), unix.F_GETFD, 0)
		if err == nil && flags == 0 && unix.Fstat(fd, &st) == nil {
			fmt.Println(fd, st.Dev, st.Ino, st.Mode)
		}
	}
}
