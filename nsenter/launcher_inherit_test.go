//go:build linux && cgo

package nsenter_test

import (
	"errors"
	"fmt"
	"maps"
	"os"
	"os/exec"
	"os/signal"
	"path/filepath"
	"runtime"
	"slices"
	"strings"
	"syscall"
	"testing"

	"golang.org/x/sys/unix"

	"nsexec/internal/testutil"
	"nsexec/ns"
	"nsexec/nsenter"
)

func init() {
	zoo["launcher inherits"] = launcherInherits
}

// A heritageChange is what a caller does to itself after its launcher was started, or before and after.
type heritageChange struct {
	before, after func() error
	unseen        bool // a child of os/exec is the same as before
}

var heritageChanges = map[string]heritageChange{
	"nothing":                {after: func() error { return nil }, unseen: true},
	"directory":              {after: func() error { return enterNew(0o755) }},
	"removed directory":      {after: func() error { return errors.Join(enterNew(0o755), removeHere()) }},
	"closed directory":       {after: func() error { return enterNew(0) }},
	"closed directory, born": {before: func() error { return enterNew(0) }, after: func() error { return nil }, unseen: true},
	"environment":            {after: func() error { return os.Setenv("LAUNCHER_TEST", "new") }},
	"umask":                  {after: func() error { syscall.Umask(0o137); return nil }},
	"umask of before":        {before: func() error { syscall.Umask(0o137); return nil }, after: umaskBack},
	"nice":                   {after: func() error { return unix.Setpriority(unix.PRIO_PROCESS, 0, 7) }},
	"processors":             {after: lastProcessor},
	"soft limit":             {after: func() error { return limit(unix.RLIMIT_STACK, 1<<20, 0) }},
	"hard limit":             {after: func() error { return limit(unix.RLIMIT_MSGQUEUE, 4096, 8192) }},
	"no core, less memory":   {after: func() error { return errors.Join(limit(unix.RLIMIT_CORE, 0, 0), limit(unix.RLIMIT_DATA, 1<<40, 1<<41)) }},
	"few open files":         {after: func() error { return limit(unix.RLIMIT_NOFILE, 64, 0) }},
	"few open files for good": {after: func() error {
		return limit(unix.RLIMIT_NOFILE, 200, 300)
	}},
	"ignored signals": {after: func() error { signal.Ignore(unix.SIGHUP, unix.SIGUSR1, unix.SIGPIPE); return nil }},
	"ignored SIGCHLD": {after: func() error { signal.Ignore(unix.SIGCHLD); return nil }},
	"heeded signals": {
		before: func() error { signal.Ignore(unix.SIGINT, unix.SIGUSR2, unix.SIGCHLD); return nil },
		after: func() error {
			signal.Notify(make(chan os.Signal, 1), unix.SIGINT, unix.SIGUSR2, unix.SIGCHLD)
			return nil
		},
	},
	"many groups":          {before: manyGroups, after: func() error { return nil }, unseen: true},
	"caught signals":       {after: func() error { signal.Notify(make(chan os.Signal, 1)); return nil }, unseen: true},
	"blocked signals":      {after: func() error { return mask(unix.SIG_BLOCK, 10) }},
	"signals let through":  {before: func() error { return mask(unix.SIG_BLOCK, 12) }, after: func() error { return mask(unix.SIG_UNBLOCK, 12) }},
	"signal, then another": {before: func() error { return mask(unix.SIG_BLOCK, 10) }, after: func() error { return mask(unix.SIG_SETMASK, 64) }},
}

func enterNew(mode os.FileMode) error {
	dir, err := os.MkdirTemp("", "nsenter-here-")
	return errors.Join(err, os.Chdir(dir), os.Chmod(dir, mode))
}

func removeHere() error {
	dir, err := os.Getwd()
	return errors.Join(err, os.Remove(dir))
}

// manyGroups make /proc/self/status long.
func manyGroups() error {
	groups := make([]int, 5000)
	for i := range groups {
		groups[i] = 100_000_000 + i
	}
	return syscall.Setgroups(groups)
}

func umaskBack() error {
	syscall.Umask(0o022)
	return nil
}

// lastProcessor leaves the calling thread no other. Where there is one only, it lowers what can be lowered as well.
func lastProcessor() error {
	var cpus unix.CPUSet
	if err := unix.SchedGetaffinity(0, &cpus); err != nil {
		return err
	}
	for cpu := 0; cpus.Count() > 1; cpu++ {
		cpus.Clear(cpu)
	}
	return unix.SchedSetaffinity(0, &cpus)
}

// limit sets a soft limit, and a hard one that is not 0.
func limit(resource int, soft, hard uint64) error {
	var now unix.Rlimit
	if err := unix.Getrlimit(resource, &now); err != nil {
		return err
	}
	if now.Cur = soft; hard != 0 {
		now.Max = hard
	}
	return unix.Setrlimit(resource, &now)
}

func mask(how, sig int) error {
	var set unix.Sigset_t
	set.Val[0] = 1 << (sig - 1)
	return unix.PthreadSigmask(how, &set, nil)
}

// launcherInherits changes the caller, and compares what a child by os/exec has of it with what a launcher's has.
func launcherInherits(arg []string) error {
	runtime.LockOSThread()
	change := heritageChanges[arg[0]]
	if change.before != nil {
		if err := change.before(); err != nil {
			return err
		}
	}
	first := heritage(throughExec)
	l, err := nsenter.NewLauncher()
	if err != nil {
		return err
	}
	defer l.Close()
	if err := change.after(); err != nil {
		return err
	}
	want := heritage(throughExec)
	if !change.unseen && maps.Equal(first, want) {
		return fmt.Errorf("the change shows nowhere in %v", want)
	}
	own, err := ns.OfPID(os.Getpid(), ns.All)
	if err != nil {
		return err
	}
	defer own.Close()
	return errors.Join(
		compareHeritage("by a launcher", heritage(&way{launcher: l}), want),
		compareHeritage("by a launcher, with a set", heritageIn(l, own), want),
		compareHeritage("one-shot", heritage(throughNsenter), want),
	)
}

// heritageIn joins nothing in fact; only the directory is then the root.
func heritageIn(l *nsenter.Launcher, set *ns.Set) map[string]string {
	without, err := ns.OfPID(os.Getpid(), set.Types()&^ns.Mount)
	if err != nil {
		return map[string]string{"error": err.Error()}
	}
	defer without.Close()
	return heritage(&way{launcher: l, set: without})
}

func compareHeritage(who string, got, want map[string]string) error {
	var differences []string
	for _, key := range slices.Sorted(maps.Keys(want)) {
		if got[key] != want[key] {
			differences = append(differences, fmt.Sprintf("%s: %s is %q, want %q", who, key, got[key], want[key]))
		}
	}
	if len(differences) > 0 {
		return errors.New(strings.Join(differences, "\n"))
	}
	return nil
}

// heritage is what a child has by birth, by name: as programs tell it that change nothing of it themselves.
func heritage(w *way) map[string]string {
	has := make(map[string]string)
	status := tell(w, "cat", "/proc/self/status")
	for line := range strings.Lines(status) {
		key, value, _ := strings.Cut(line, ":")
		if slices.Contains(heritageInStatus, key) {
			has[key] = strings.TrimSpace(value)
		}
	}
	for line := range strings.Lines(tell(w, "cat", "/proc/self/limits")) {
		has[strings.TrimSpace(line[:25])] = strings.TrimSpace(line[25:])
	}
	for _, file := range []string{"environ", "oom_score_adj", "cgroup"} {
		has[file] = tell(w, "cat", "/proc/self/"+file)
	}
	_, fields, _ := strings.Cut(tell(w, "cat", "/proc/self/stat"), ") ")
	for name, at := range map[string]int{"parent": 1, "group": 2, "session": 3, "nice": 16, "policy": 38} {
		has[name] = strings.Fields(fields)[at]
	}
	has["directory"] = tell(w, "readlink", "/proc/self/cwd") + tell(w, "stat", "-L", "-c", "%d %i", "/proc/self/cwd")
	return has
}

var heritageInStatus = []string{
	"Umask", "SigBlk", "SigIgn", "SigCgt", "SigPnd", "Cpus_allowed", "Mems_allowed", "Uid", "Gid", "Groups",
	"CapInh", "CapPrm", "CapEff", "CapBnd", "CapAmb", "NoNewPrivs", "Seccomp",
}

// tell runs a program. Where SIGCHLD is ignored, how it ended is not to be had.
func tell(w *way, name string, arg ...string) string {
	path, err := exec.LookPath(name)
	if err != nil {
		return err.Error()
	}
	out, err := w.command(path, arg...).Output()
	if err != nil && !errors.Is(err, unix.ECHILD) {
		return describe(err)
	}
	return string(out)
}

func TestLauncherPayloadInheritsAsOfStart(t *testing.T) {
	for name := range heritageChanges {
		t.Run(name, func(t *testing.T) {
			if name == "processors" && runtime.NumCPU() == 1 {
				testutil.Skip(t, "needs two processors")
			}
			if name == "closed directory" && testutil.Who() == testutil.User {
				return // a launcher cannot enter it either
			}
			if name == "many groups" && testutil.Who() != testutil.Root {
				return
			}
			dir := openDir(t)
			cmd := exec.Command("/bin/sh", "-c", `ulimit -Sn 256 && exec "$@"`, "sh", zooBinary, name) // Go raises it
			cmd.Env = zooEnv("launcher inherits", "TMPDIR="+dir)
			if err := os.Chmod(dir, 0o777); err != nil {
				t.Fatal(err)
			}
			out, err := cmd.CombinedOutput()
			if err != nil {
				t.Errorf("%v\n%s", err, out)
			}
			for _, made := range glob(t, filepath.Join(dir, "*")) {
				_ = os.Chmod(made, 0o700)
			}
		})
	}
}

func glob(t testing.TB, pattern string) []string {
	t.Helper()
	found, err := filepath.Glob(pattern)
	if err != nil {
		t.Fatal(err)
	}
	return found
}
