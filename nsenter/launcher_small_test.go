//go:build linux && cgo

package nsenter_test

import (
	"errors"
	"fmt"
	"os"
	"os/exec"
	"path/filepath"
	"regexp"
	"strconv"
	"strings"
	"syscall"
	"testing"

	"golang.org/x/sys/unix"

	"nsexec/internal/testutil"
	"nsexec/ns"
	"nsexec/nsenter"
)

// A container with next to no memory, and room for two processes more, can be entered all the same: nothing boots in it
// but the program (runc issues 1980 and 4083).
func TestLauncherIntoSmallCgroup(t *testing.T) {
	testutil.NeedRoot(t)
	baseline(t)
	l := newLauncher(t)
	everywhere(t, func(t *testing.T, set *ns.Set) {
		groups := smallGroup(t)
		for i := range 100 {
			cmd := l.Command(set, "/bin/true")
			cmd.BeforeExec = func(pid int) error {
				if threads := glob(t, fmt.Sprintf("/proc/%d/task/*", pid)); len(threads) != 1 {
					t.Errorf("the payload has %d threads", len(threads))
				}
				return moveTo(groups, pid)
			}
			awaitRoom(t, groups[0])
			if err := cmd.Run(); err != nil {
				t.Fatalf("launch %d: %v", i, err)
			}
		}
	})
}

// awaitRoom has the kernel give back what the payloads before had. By itself it does so a grace period later, and what
// processors set aside (256 KiB each) only when they come to it: on a busy machine that is late for any program. A
// memory.high of nothing takes that back at once (5.5), where memory.reclaim does not; with version 1 it is force_empty.
func awaitRoom(t *testing.T, group string) {
	t.Helper()
	const room = 1 << 19
	usage := filepath.Join(group, "memory.current")
	if _, err := os.Stat(usage); err != nil {
		usage = filepath.Join(group, "memory.usage_in_bytes")
	}
	testutil.Eventually(t, "memory given back", func() bool {
		if writeBlocking(filepath.Join(group, "memory.high"), "0", "max") != nil {
			_ = writeBlocking(filepath.Join(group, "memory.force_empty"), "0")
		}
		text, err := os.ReadFile(usage)
		used, parseErr := strconv.Atoi(strings.TrimSpace(string(text)))
		return errors.Join(err, parseErr) == nil && used <= room
	})
}

// writeBlocking writes as a shell would. Package os makes a file that can be polled, as those of cgroups can, non-blocking:
// from Linux 6.16 on a limit is then set, and nothing given back.
func writeBlocking(path string, texts ...string) error {
	fd, err := unix.Open(path, unix.O_WRONLY|unix.O_CLOEXEC, 0)
	if err != nil {
		return err
	}
	defer unix.Close(fd)
	for _, text := range texts {
		_, writeErr := unix.Write(fd, []byte(text))
		err = errors.Join(err, writeErr)
	}
	return err
}

func moveTo(groups []string, pid int) error {
	var errs []error
	for _, group := range groups {
		errs = append(errs, os.WriteFile(filepath.Join(group, "cgroup.procs"), fmt.Append(nil, pid), 0))
	}
	return errors.Join(errs...)
}

// smallGroup is 1 MiB of memory, and room for one process and two more: a cgroup, or one of each controller of version 1.
func smallGroup(t *testing.T) (groups []string) {
	t.Helper()
	groups = []string{memoryGroup(t, 1<<20)}
	if _, err := os.Stat(filepath.Join(groups[0], "pids.max")); err != nil {
		groups = append(groups, newGroup(t, "pids.max", "/sys/fs/cgroup/pids"))
	}
	resident := exec.Command("/bin/sleep", "1000")
	if err := resident.Start(); err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() { _ = resident.Process.Kill(); _ = resident.Wait() })
	limit := filepath.Join(groups[len(groups)-1], "pids.max")
	if err := errors.Join(moveTo(groups, resident.Process.Pid), os.WriteFile(limit, []byte("3"), 0)); err != nil {
		t.Fatal(err)
	}
	return groups
}

// What is made unwritable is so once: there is no mount on a payload's way, nor a copy.
func TestLauncherMountsNothing(t *testing.T) {
	testutil.NeedRoot(t) // to trace what is not dumpable
	if _, err := exec.LookPath("strace"); err != nil {
		testutil.Skip(t, "strace is not installed")
	}
	l := newLauncher(t)
	set := setOf(t, testutil.Target(t, testutil.PrivilegedTypes).PID, ns.All)
	const calls = "execve,setns,memfd_create,mount,umount2,pivot_root,?open_tree,?move_mount,?fsopen,?fsconfig,?fsmount,?mount_setattr"
	trace := straced(t, l, calls, func() {
		for range 20 {
			runs(t, l, set)
		}
	})
	// The program's own loading is not ours, but true mounts nothing either.
	seen := make(map[string]int)
	for _, call := range regexp.MustCompile(`(?m)^\d+ +(\w+)\(`).FindAllStringSubmatch(trace, -1) {
		seen[call[1]]++
	}
	if seen["execve"] != 20 || seen["setns"] < 20 {
		t.Errorf("strace has seen %v", seen)
	}
	for call := range seen {
		if call != "execve" && call != "setns" {
			t.Errorf("%d calls of %s:\n%.2000s", seen[call], call, trace)
		}
	}
}

// straced is what strace says of the launcher, and of all that it clones, while fn runs.
func straced(t *testing.T, l *nsenter.Launcher, calls string, fn func()) string {
	t.Helper()
	output := filepath.Join(t.TempDir(), "trace")
	cmd := exec.Command("strace", "-f", "-qq", "-o", output, "-e", "trace="+calls, "-p", fmt.Sprint(l.PID()))
	var said strings.Builder
	cmd.Stderr = &said
	if err := cmd.Start(); err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() { _ = cmd.Process.Kill() })
	testutil.Eventually(t, "launcher traced", func() bool { return statusOf(t, l.PID(), "TracerPid")[0] != "0" })
	fn()
	_ = cmd.Process.Signal(syscall.SIGTERM) // it detaches
	_ = cmd.Wait()
	trace, err := os.ReadFile(output)
	if err != nil {
		t.Fatalf("%v: %s", err, said.String())
	}
	return string(trace)
}
