//go:build linux && cgo

package nsenter_test

import (
	"os"
	"strconv"
	"strings"
	"syscall"
	"testing"
	"time"

	"nsexec/ns"
	"nsexec/nsenter"
)

const year = 365 * 24 * time.Hour

// PROBLEMS 24: with offsets, as root and rootless.
func TestProblem24Offsets(t *testing.T) {
	baseline(t)
	for _, types := range []ns.Type{ns.Time, ns.Time | ns.User} {
		cmd := creating(types, "cat /proc/self/timens_offsets")
		cmd.New.Monotonic, cmd.New.Boottime = time.Hour+time.Nanosecond, -500*time.Millisecond
		wantSays(t, cmd, "monotonic 3600 1 boottime -1 500000000")
		cmd = creating(types, "cat /proc/self/timens_offsets")
		cmd.New.Monotonic = -time.Second
		wantSays(t, cmd, "monotonic -1 0 boottime 0 0")
		wantSays(t, creating(types, "cat /proc/self/timens_offsets"), "monotonic 0 0 boottime 0 0")
	}
}

// PROBLEMS 24: joining writes no offsets, which only who creates may do, and once. They are the target's.
func TestProblem24JoinWritesNoOffsets(t *testing.T) {
	baseline(t)
	target := creating(ns.Time|ns.User, sayPIDAndWait)
	target.New.Monotonic, target.New.Boottime = 50*time.Second, time.Hour
	p := enter(t, target)
	for name, mode := range joinModes {
		cmd := nsenter.Command(setOf(t, p.Process.Pid, ns.Time|ns.User), "cat", "/proc/self/timens_offsets")
		cmd.ForceJoin(mode)
		cmd.Trace = func(s nsenter.Step) {
			if s.Op == "make" || s.Op == "create" {
				t.Errorf("%s: a step is %+v", name, s)
			}
		}
		wantSays(t, cmd, "monotonic 50 0 boottime 3600 0")
	}
}

// The clocks are shifted by that much.
func TestTimeIsShifted(t *testing.T) {
	baseline(t)
	const shift = 1000 * time.Hour
	cmd := creating(ns.Time, "cat /proc/uptime")
	cmd.New.Boottime = shift
	here, err := os.ReadFile("/proc/uptime")
	if err != nil {
		t.Fatal(err)
	}
	if got := uptime(t, says(t, cmd)) - uptime(t, string(here)); got < shift || got > shift+10*time.Second {
		t.Errorf("shifted by %v, want %v", got, shift)
	}
}

func uptime(t *testing.T, text string) time.Duration {
	t.Helper()
	seconds, err := strconv.ParseFloat(strings.Fields(text)[0], 64)
	if err != nil {
		t.Fatal(err)
	}
	return time.Duration(seconds * float64(time.Second))
}

func TestTimeOffsetsOutOfRange(t *testing.T) {
	baseline(t)
	for _, offset := range []time.Duration{-100 * year, 200 * year} {
		for _, types := range []ns.Type{ns.Time, ns.Time | ns.User} {
			cmd := creating(types, "true")
			cmd.New.Monotonic = offset
			wantRefused(t, cmd, nsenter.Stage0, syscall.ERANGE, "write time offsets")
			wantRefused(t, again(cmd), nsenter.Stage0, syscall.ERANGE, "a clock would be negative")
		}
	}
}

// again is the same program to be started once more.
func again(cmd *nsenter.Cmd) *nsenter.Cmd {
	other := nsenter.Command(nil, cmd.Path, cmd.Args[1:]...)
	other.Unshare, other.New = cmd.Unshare, cmd.New
	return other
}
