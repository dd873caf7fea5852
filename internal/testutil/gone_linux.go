package testutil

import (
	"os"
	"strconv"
	"strings"
	"syscall"
)

// IsGone tells whether there is no such process, or only what is left of it until somebody reaps it.
func IsGone(pid int) bool {
	if syscall.Kill(pid, 0) == syscall.ESRCH {
		return true
	}
	stat, err := os.ReadFile("/proc/" + strconv.Itoa(pid) + "/stat")
	if err != nil {
		return true
	}
	_, rest, _ := strings.Cut(string(stat), ") ")
	return strings.HasPrefix(rest, "Z") || strings.HasPrefix(rest, "X")
}
