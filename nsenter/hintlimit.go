//go:build linux && cgo

package nsenter

import (
	"fmt"
	"os"
	"strings"

	"golang.org/x/sys/unix"

	"nsexec/internal/capability"
	"nsexec/internal/cgroup"
)

// limitHint: fork and exec say EAGAIN where there may be no more processes, and
// nothing of whose limit that is.
func (at *scene) limitHint(e *Error) string {
	if e.Errno != unix.EAGAIN {
		return ""
	}
	var limits []string
	if place, err := cgroup.Of(at.pid); err == nil {
		if l, ok := place.Processes(); ok {
			limits = append(limits, fmt.Sprintf("pids.max of %s is %d, and %d are there", l.Dir, l.Max, l.Used))
		}
	}
	var own unix.Rlimit
	if unix.Getrlimit(unix.RLIMIT_NPROC, &own) == nil && own.Cur != unix.RLIM_INFINITY && !capability.Have(unix.CAP_SYS_ADMIN) {
		limits = append(limits, fmt.Sprintf("RLIMIT_NPROC is %d for all processes of uid %d", own.Cur, os.Getuid()))
	}
	if limits == nil {
		limits = []string{"see kernel.pid_max and kernel.threads-max"}
	}
	return "there may be no more processes: " + strings.Join(limits, "; ")
}

// notePlace remembers where BeforeExec has put the payload, which cannot be asked
// any more once that has been killed there.
func (l *launch) notePlace() { l.place, _ = cgroup.Of(l.payload.Pid) }

// killedHint tells whether it was the kernel, for want of memory. A process may
// take its time to die of that: then there is no state yet.
func (l *launch) killedHint(state *os.ProcessState) string {
	if state != nil {
		if status, ok := state.Sys().(WaitStatus); !ok || !status.Signaled() || status.Signal() != unix.SIGKILL {
			return ""
		}
	}
	place := l.place
	if place.Unknown() {
		place, _ = cgroup.Of(l.scene().pid)
	}
	limit, kills, ok := place.Memory()
	if !ok || kills == 0 {
		return ""
	}
	return fmt.Sprintf("out of memory, it seems: the cgroup %s may have %d bytes, and the kernel has killed %d of its processes for want of more",
		limit.Dir, limit.Max, kills)
}
