package testutil

import (
	"fmt"
	"os"
	"path/filepath"
	"sort"
	"strings"
	"testing"

	"nsexec/internal/procfs"
)

// moreThreads is how many threads a Go program may have gained without a leak: the runtime
// starts one whenever a call blocks, and keeps it.
const moreThreads = 6

// snapshot is what a process holds on to. Keys describe it well enough to be printed when it is left over.
type snapshot struct {
	fds, children, threads map[string]bool
}

// Baseline records the open files, the children (zombies too) and the threads of this process, and fails the test if two seconds
// after its end more of them are left, or a thread is in other namespaces than now. Call it before anything else that
// registers a Cleanup, and in no parallel test. The warm-up functions run first: they open what is opened once and kept on purpose.
func Baseline(t testing.TB, warmUp ...func()) {
	t.Helper()
	openPoller(t)
	openProcfs(t)
	for _, warm := range warmUp {
		warm()
	}
	before := take(t)
	home := namespacesOf("/proc/self")
	t.Cleanup(func() {
		var left []string
		if !poll(func() bool { left = before.left(take(t), home); return len(left) == 0 }) {
			t.Errorf("left behind:\n\t%s", strings.Join(left, "\n\t"))
		}
	})
}

// openPoller makes the runtime open its epoll and eventfd, which it does at the first pollable file.
func openPoller(t testing.TB) {
	t.Helper()
	r, w, err := os.Pipe()
	if err != nil {
		t.Fatal(err)
	}
	_ = r.Close()
	_ = w.Close()
}

// openProcfs makes the library that looks things up in procfs open it, which it does once.
func openProcfs(t testing.TB) {
	t.Helper()
	if _, err := procfs.ReadPID(os.Getpid(), "stat"); err != nil {
		t.Fatal(err)
	}
}

func take(t testing.TB) snapshot {
	t.Helper()
	return snapshot{fds: openFiles(t), children: children(t), threads: list(t, "/proc/self/task")}
}

// left tells what is in after and not in s.
func (s snapshot) left(after snapshot, home string) []string {
	left := more(s.fds, after.fds)
	for _, pid := range more(s.children, after.children) {
		left = append(left, "child "+pid+" "+stat(pid))
	}
	if n := len(after.threads) - len(s.threads); n > moreThreads {
		left = append(left, fmt.Sprintf("%d threads more", n))
	}
	for tid := range after.threads {
		if now := namespacesOf("/proc/self/task/" + tid); now != home && now != "" {
			left = append(left, "thread "+tid+" in "+now)
		}
	}
	return left
}

func more(before, after map[string]bool) []string {
	var keys []string
	for key := range after {
		if !before[key] {
			keys = append(keys, key)
		}
	}
	sort.Strings(keys)
	return keys
}

// openFiles lists this process's descriptors but the one that reads the list.
func openFiles(t testing.TB) map[string]bool {
	files := make(map[string]bool)
	for fd := range list(t, "/proc/self/fd") {
		if link, err := os.Readlink("/proc/self/fd/" + fd); err == nil {
			files["fd "+fd+" -> "+link] = true
		}
	}
	return files
}

// children lists this process's children, whichever thread made them; a zombie stays in it until it is reaped.
func children(t testing.TB) map[string]bool {
	found := make(map[string]bool)
	for tid := range list(t, "/proc/self/task") {
		text, err := os.ReadFile("/proc/self/task/" + tid + "/children")
		if err != nil {
			continue // the thread has just ended
		}
		for _, pid := range strings.Fields(string(text)) {
			found[pid] = true
		}
	}
	return found
}

// stat returns a process's command name and state, such as "(sh) Z".
func stat(pid string) string {
	text, err := os.ReadFile("/proc/" + pid + "/stat")
	if err != nil {
		return "(gone)"
	}
	_, rest, _ := strings.Cut(string(text), " ")
	end := strings.LastIndexByte(rest, ')')
	return rest[:end+3]
}

func list(t testing.TB, dir string) map[string]bool {
	t.Helper()
	entries, err := os.ReadDir(dir)
	if err != nil {
		t.Fatal(err)
	}
	names := make(map[string]bool, len(entries))
	for _, entry := range entries {
		names[entry.Name()] = true
	}
	return names
}

// namespacesOf returns the namespaces of a thread as one string, and "" when the thread has ended.
func namespacesOf(proc string) string {
	links, _ := filepath.Glob(proc + "/ns/*") // the pattern is well-formed
	var names []string
	for _, link := range links {
		if name, err := os.Readlink(link); err == nil {
			names = append(names, name)
		}
	}
	return strings.Join(names, " ")
}
