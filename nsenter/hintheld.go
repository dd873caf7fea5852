//go:build linux && cgo

package nsenter

import (
	"fmt"
	"strings"

	"nsexec/internal/cgroup"
	"nsexec/internal/procfs"
)

// heldHint says what keeps the processes that Start waits for from going on.
func (l *launch) heldHint() string {
	var pids []int
	for _, p := range l.processes() {
		pids = append(pids, p.Pid)
	}
	if pids == nil && l.launcher != nil {
		pids = append(pids, l.launcher.pid)
	}
	return heldHint(pids...)
}

func heldHint(pids ...int) string {
	var held []string
	for _, pid := range pids {
		if how := heldBy(pid); how != "" {
			held = append(held, fmt.Sprintf("process %d is %s", pid, how))
		}
	}
	return strings.Join(held, "; ")
}

// heldBy is empty for a process that nothing holds. A freezer does not show in
// its state, or as another (version 1: "D").
func heldBy(pid int) string {
	if place, err := cgroup.Of(pid); err == nil {
		dir, untilThawed := place.Frozen()
		if untilThawed {
			return "frozen in the cgroup " + dir + ": it dies when that is thawed"
		}
		if dir != "" {
			return "frozen in the cgroup " + dir
		}
	}
	status, _ := procfs.ReadPID(pid, "status")
	switch state := procfs.Field(status, "State:"); {
	case strings.HasPrefix(state, "T"):
		return "stopped"
	case strings.HasPrefix(state, "t"):
		return "stopped by its tracer, process " + procfs.Field(status, "TracerPid:")
	}
	return ""
}

// also is two hints, each of which may be none.
func also(first, second string) string {
	if first == "" || second == "" {
		return first + second
	}
	return first + "; " + second
}
