//go:build linux && cgo

package main

import (
	"fmt"
	"os"
	"path/filepath"
	"slices"
	"strings"
	"time"

	"golang.org/x/sys/unix"

	"nsexec/internal/procfs"
	"nsexec/ns"
)

// settleTime is how long what has been killed may take to be gone. Tests run beside others, and give it more.
var settleTime = time.Second

// moreThreads is how many threads a Go program may have gained without a leak: the runtime starts one whenever a call
// blocks, and keeps it.
const moreThreads = 8

// inodesOf are the namespaces of a process, by their names.
func inodesOf(proc string) (map[string]uint64, error) {
	inodes := make(map[string]uint64)
	for _, t := range ns.All.Types() {
		var st unix.Stat_t
		path := filepath.Join(proc, "ns", t.Name())
		if err := unix.Stat(path, &st); err != nil {
			return nil, &os.PathError{Op: "stat", Path: path, Err: err}
		}
		inodes[t.Name()] = st.Ino
	}
	return inodes, nil
}

func procOf(pid int) string { return fmt.Sprintf("/proc/%d", pid) }

// isAlive tells whether a process runs: it is there, and no zombie.
func isAlive(pid int) bool {
	text, err := os.ReadFile(procOf(pid) + "/stat")
	if err != nil {
		return false
	}
	_, rest, _ := strings.Cut(string(text[strings.LastIndexByte(string(text), ')'):]), " ")
	return !strings.HasPrefix(rest, "Z") && !strings.HasPrefix(rest, "X")
}

func countIn(dir string) int {
	entries, _ := os.ReadDir(dir) // of a process that is gone there are none
	return len(entries)
}

// holdings are what the caller has when nothing runs.
type holdings struct {
	files, threads int
	launcher       int // files of the launcher's threads, each of which has a table of its own
}

func (c *callerProcess) holdings() holdings {
	h := holdings{files: countIn(procOf(c.pid) + "/fd"), threads: countIn(procOf(c.pid) + "/task")}
	if c.launcher != 0 {
		tables, _ := filepath.Glob(procOf(c.launcher) + "/task/*/fd")
		for _, table := range tables {
			h.launcher += countIn(table)
		}
	}
	return h
}

// leftBehind tells what there is that should not be: children of the caller's or its files, and orphans, which come to
// us, who are their subreaper. What is dead of those is anybody's to reap.
func (d *driver) leftBehind() string {
	var left []string
	for _, pid := range d.orphans() {
		left = append(left, "orphan "+title(pid))
	}
	for _, pid := range procfs.Children(d.caller.pid) {
		if pid != d.caller.launcher {
			left = append(left, "child "+title(pid))
		}
	}
	now := d.caller.holdings()
	if now.files != d.caller.base.files {
		left = append(left, fmt.Sprintf("%d files instead of %d", now.files, d.caller.base.files))
	}
	if now.launcher != d.caller.base.launcher {
		left = append(left, fmt.Sprintf("%d files of the launcher's instead of %d", now.launcher, d.caller.base.launcher))
	}
	if now.threads > d.caller.base.threads+moreThreads {
		left = append(left, fmt.Sprintf("%d threads instead of %d", now.threads, d.caller.base.threads))
	}
	return strings.Join(left, ", ")
}

// orphans are those that still run. The others are reaped.
func (d *driver) orphans() []int {
	ours := []int{d.caller.pid, d.target.holder.Process.Pid}
	return slices.DeleteFunc(procfs.Children(os.Getpid()), func(pid int) bool {
		if slices.Contains(ours, pid) {
			return true
		}
		got, _ := unix.Wait4(pid, nil, unix.WNOHANG, nil)
		return got == pid
	})
}

// title is a process's name and state.
func title(pid int) string {
	text, _ := os.ReadFile(procOf(pid) + "/stat")
	fields := strings.SplitN(string(text), " ", 4)
	return strings.Join(fields[:min(len(fields), 3)], " ")
}

// eventually waits until complain has no complaint any more. What that takes too long for is late, and waited for much
// longer: a defect stays.
func eventually(complain func() string) (complaint string) {
	begun := time.Now()
	for {
		now := complain()
		took := time.Since(begun)
		switch {
		case now == "" && took > settleTime:
			return tooLate + complaint
		case now == "" || took > muchLonger*settleTime:
			return now
		}
		complaint = now
		time.Sleep(time.Millisecond)
	}
}

// tooLate begins the complaint of what has come about, but too late: as it does on a busy machine.
const tooLate = "too late: "

// tries are how often a case is tried that was late, each time with twice the time.
const tries = 4

// muchLonger is how often the time is waited for what is late.
const muchLonger = 10

func isLate(complaint string) bool { return strings.HasPrefix(complaint, tooLate) }

// misplaced tells in which namespaces a payload is not where it should be.
func (d *driver) misplaced(got map[string]uint64) string {
	var wrong []string
	for _, t := range ns.All.Types() {
		inode, name := got[t.Name()], t.Name()
		want := d.outside[name]
		if d.scenario.Join&t != 0 {
			want = d.inside[name]
		}
		isNew := d.scenario.Create && t == ns.User
		if isNew == (inode == want) || isNew && inode == d.outside[name] {
			wrong = append(wrong, name)
		}
	}
	if len(wrong) == 0 {
		return ""
	}
	return "the payload is in the wrong namespaces: " + strings.Join(wrong, " ")
}
