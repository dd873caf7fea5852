//go:build linux && cgo

package nsenter_test

import (
	"os"
	"path/filepath"
	"strconv"
	"testing"

	"golang.org/x/sys/unix"

	"nsexec/internal/testutil"
	"nsexec/ns"
	"nsexec/nsenter"
)

var limitFailures = []failure{
	{name: "pids max before stage 0", in: rootAlone, once: true,
		want: whole{refusal: refusal{errno: unix.EAGAIN, op: "start stage 0", path: "/proc/self/exe"}, says: []string{"no more processes", "pids.max of "}},
		fails: func(t *testing.T, command starter, want *whole) error {
			group := crowdedGroup(t, os.Getpid(), 0)
			want.says = append(want.says, group)
			return command(nil, "/bin/true").Run()
		}},
	{name: "pids max before stage 1", in: rootAlone, once: true,
		want: whole{refusal: refusal{errno: unix.EAGAIN, stage: nsenter.Stage0, op: "clone"}, says: []string{"no more processes", "pids.max of "}},
		fails: func(t *testing.T, command starter, want *whole) error {
			set := setOf(t, testutil.Target(t, uint64(ns.PID)).PID, ns.PID)
			if err := command(set, "/bin/true").Run(); err != nil { // what is made once
				t.Fatal(err)
			}
			group := crowdedGroup(t, os.Getpid(), 1)
			want.says = append(want.says, group)
			return command(set, "/bin/true").Run()
		}},
	{name: "pids max of a launcher", in: rootAlone, once: true,
		want: whole{refusal: refusal{errno: unix.EAGAIN, stage: nsenter.StageLauncher, op: "clone"}, says: []string{"no more processes", "pids.max of "}},
		fails: func(t *testing.T, _ starter, want *whole) error {
			l := newLauncher(t)
			group := crowdedGroup(t, l.PID(), 0)
			want.says = append(want.says, group)
			return l.Command(nil, "/bin/true").Run()
		}},
	{name: "RLIMIT NPROC", in: nobodyAlone, once: true, fails: withFewProcesses,
		want: whole{refusal: refusal{errno: unix.EAGAIN, op: "start stage 0", path: "/proc/self/exe"}, says: []string{"RLIMIT_NPROC is 1 "}}},
	{name: "memory max", in: rootAlone, fails: withLittleMemory,
		want: whole{refusal: refusal{stage: nsenter.StagePayload, op: "exec", path: "/bin/true"}, says: []string{"it was killed", "out of memory", "may have 4096 bytes"}}},
	{name: "RLIMIT NOFILE", in: byItself, once: true, fails: withFewFiles,
		want: whole{refusal: refusal{errno: unix.EMFILE, stage: nsenter.Stage0, op: "receive request"}, says: []string{"hard limit of open files"}}},
	{name: "RLIMIT NOFILE of the caller", in: byItself, once: true, fails: withNoMoreFiles,
		want: whole{refusal: refusal{errno: unix.EMFILE, op: "make socket"}, says: []string{"its soft limit (RLIMIT_NOFILE)"}}},
}

// newGroup makes a cgroup, of version 1 or 2, that has the named file.
func newGroup(t *testing.T, file string, parents ...string) string {
	t.Helper()
	for _, parent := range parents {
		if group := groupIn(t, parent, file); group != "" {
			return group
		}
	}
	testutil.Skipf(t, "no hierarchy of cgroups has %s here", file)
	return ""
}

// groupIn makes one that lasts until the test is over; empty: there it cannot be made, or has no such file.
func groupIn(t *testing.T, parent, file string) string {
	t.Helper()
	group, err := os.MkdirTemp(parent, "nsenter-test-")
	if err != nil {
		return ""
	}
	t.Cleanup(func() { os.Remove(group) })
	if _, err := os.Stat(filepath.Join(group, file)); err != nil {
		return ""
	}
	return group
}

// crowdedGroup is a cgroup with a process, and room for as many more, until the test is over.
func crowdedGroup(t *testing.T, pid, more int) string {
	t.Helper()
	manyThreads(20) // that are there beforehand
	group := newGroup(t, "pids.max", "/sys/fs/cgroup/pids", "/sys/fs/cgroup")
	if err := moveTo([]string{group}, pid); err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() { _ = moveTo([]string{filepath.Dir(group)}, pid) })
	used := readNumber(t, filepath.Join(group, "pids.current"))
	if err := os.WriteFile(filepath.Join(group, "pids.max"), []byte(strconv.Itoa(used+more)), 0); err != nil {
		t.Fatal(err)
	}
	return group
}

func readNumber(t *testing.T, path string) int {
	t.Helper()
	text, err := os.ReadFile(path)
	if err != nil {
		t.Fatal(err)
	}
	n, err := strconv.Atoi(string(text[:len(text)-1]))
	if err != nil {
		t.Fatal(err)
	}
	return n
}

// nobodyAlone is an ordinary user in a process of its own.
func nobodyAlone(t *testing.T) bool {
	t.Helper()
	if testutil.Who() == testutil.User {
		return alone(t)
	}
	return asNobody(t)
}

func withFewProcesses(t *testing.T, command starter, _ *whole) error {
	manyThreads(20) // that are there beforehand
	if err := limit(unix.RLIMIT_NPROC, 1, 0); err != nil {
		t.Fatal(err)
	}
	return command(nil, "/bin/true").Run()
}

// withLittleMemory puts the payload where it cannot execute anything.
func withLittleMemory(t *testing.T, command starter, want *whole) error {
	group := memoryGroup(t, 1<<12)
	want.says = append(want.says, group)
	cmd := command(nil, "/bin/true")
	cmd.BeforeExec = func(pid int) error { return moveTo([]string{group}, pid) }
	return cmd.Run()
}

func withFewFiles(t *testing.T, command starter, _ *whole) error {
	if err := limit(unix.RLIMIT_NOFILE, 64, 64); err != nil {
		t.Fatal(err)
	}
	cmd := command(nil, "/bin/true")
	for i := range 200 { // one file under many names: the same would travel once
		cmd.ExtraFiles = append(cmd.ExtraFiles, os.NewFile(os.Stderr.Fd(), strconv.Itoa(i)))
	}
	return cmd.Run()
}

// withNoMoreFiles hands over what is open, so that a socket is what there is no room for.
func withNoMoreFiles(t *testing.T, command starter, _ *whole) error {
	if err := limit(unix.RLIMIT_NOFILE, 3, 0); err != nil {
		t.Fatal(err)
	}
	cmd := command(nil, "/bin/true")
	cmd.Stdin, cmd.Stdout, cmd.Stderr = os.Stdin, os.Stdout, os.Stderr
	return cmd.Run()
}
