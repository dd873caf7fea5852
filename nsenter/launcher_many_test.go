//go:build linux && cgo

package nsenter_test

import (
	"errors"
	"os"
	"os/exec"
	"strconv"
	"strings"
	"sync"
	"testing"
	"time"

	"golang.org/x/sys/unix"

	"nsexec/internal/testutil"
	"nsexec/ns"
	"nsexec/nsenter"
)

// placesToEnter are none, one that takes no clone, and one of all types.
func placesToEnter(t testing.TB) []*ns.Set {
	t.Helper()
	sets := []*ns.Set{nil}
	for _, types := range []ns.Type{ns.UTS | ns.Mount, ns.All} {
		target := testutil.Target(t, uint64(types))
		sets = append(sets, setOf(t, target.PID, ns.Type(target.Types)))
	}
	return sets
}

// Each of many calls at once comes back with its own status, and where it was meant to be.
func TestLauncherManyCallers(t *testing.T) {
	testutil.Baseline(t, func() { manyThreads(200); manyCallers(t, 1) })
	n := 20
	if testing.Short() {
		n = 4
	}
	manyCallers(t, n)
}

// manyThreads has as many block at once. The runtime keeps them.
func manyThreads(n int) {
	var threads sync.WaitGroup
	for range n {
		threads.Go(func() {
			_ = unix.Nanosleep(&unix.Timespec{Nsec: int64(100 * time.Millisecond)}, nil)
		})
	}
	threads.Wait()
}

func manyCallers(t *testing.T, n int) {
	t.Helper()
	l := newLauncher(t)
	sets := placesToEnter(t)
	pid := l.PID()
	var callers sync.WaitGroup
	for caller := range 64 {
		callers.Go(func() {
			for i := range n {
				code := (caller + i) % 256
				cmd := exits(l.Command, sets[i%len(sets)], code)
				err := cmd.Run()
				var exit *exec.ExitError
				if err != nil && !errors.As(err, &exit) || cmd.ProcessState.ExitCode() != code {
					t.Errorf("exit %d: %v, %v", code, err, cmd.ProcessState)
				}
			}
		})
	}
	callers.Wait()
	if l.PID() != pid {
		t.Errorf("the launcher was %d, and is %d", pid, l.PID())
	}
	if err := l.Close(); err != nil {
		t.Error(err)
	}
}

// counts is what a process has that could become more and more.
type counts struct{ files, threads, children int }

func countsHere(t testing.TB) counts {
	t.Helper()
	return counts{len(filesOf(t, os.Getpid())), len(glob(t, "/proc/self/task/*")), len(childrenOf(os.Getpid()))}
}

// Waiting takes no thread, and one file for each.
func TestLauncherPayloadsAtOnce(t *testing.T) {
	testutil.Needs(t, testutil.PIDFDCalls...) // to wait for a child without a thread
	manyThreads(20)
	baseline(t)
	n := 500
	if soaking() {
		n = 10_000
	}
	l := newLauncher(t)
	release, payloads := waiting(t, l, 1) // what there is once
	defer release.Close()
	before := countsHere(t)
	more, others := waiting(t, l, n)
	now := countsHere(t)
	t.Logf("%d payloads: %+v, and before %+v", n, now, before)
	if files := now.files - before.files; files > n+2 { // and the pipe
		t.Errorf("%d payloads take %d files", n, files)
	}
	if threads := now.threads - before.threads; threads >= 20 {
		t.Errorf("%d payloads take %d threads", n, threads)
	}
	if now.children-before.children != n {
		t.Errorf("%d payloads are %d children", n, now.children-before.children)
	}
	release.Close()
	more.Close()
	for _, cmd := range append(payloads, others...) {
		if err := cmd.Wait(); err != nil {
			t.Fatal(err)
		}
	}
}

// waiting are payloads that end when the file is closed.
func waiting(t testing.TB, l *nsenter.Launcher, n int) (release *os.File, payloads []*nsenter.Cmd) {
	t.Helper()
	r, release, err := os.Pipe()
	if err != nil {
		t.Fatal(err)
	}
	defer r.Close()
	for range n {
		cmd := l.Command(nil, "/bin/cat")
		cmd.Stdin = r
		if err := cmd.Start(); err != nil {
			release.Close()
			t.Fatal(err)
		}
		payloads = append(payloads, cmd)
	}
	return release, payloads
}

// However many have been launched, neither we nor the launcher have more of anything.
func TestLauncherSoak(t *testing.T) {
	manyThreads(20)
	baseline(t)
	n := 2_000
	switch {
	case soaking():
		n = 100_000
	case testing.Short():
		n = 500
	}
	l := newLauncher(t)
	sets := placesToEnter(t)
	soak(t, l, sets, 200)
	pid, before, memory := l.PID(), countsHere(t), residentMemory(t, l.PID())
	begun := time.Now()
	soak(t, l, sets, n)
	var now counts
	testutil.Eventually(t, "as few files, threads and children as before", func() bool {
		now = countsHere(t)
		return now.files <= before.files && now.threads <= before.threads+6 && now.children <= before.children
	})
	memoryNow := residentMemory(t, l.PID())
	t.Logf("%d launches, %v each: %+v, and before %+v; launcher %d KiB, and before %d",
		n, time.Since(begun)/time.Duration(n), now, before, memoryNow, memory)
	if l.PID() != pid || memoryNow > memory+64 {
		t.Errorf("launcher %d of %d KiB has become %d of %d KiB", pid, memory, l.PID(), memoryNow)
	}
}

func soak(t testing.TB, l *nsenter.Launcher, sets []*ns.Set, n int) {
	t.Helper()
	atOnce(n, func(i int) { runs(t, l, sets[i%len(sets)]) })
}

// residentMemory is what a process has in memory, in KiB: anybody may ask.
func residentMemory(t testing.TB, pid int) int {
	t.Helper()
	pages, err := strconv.Atoi(strings.Fields(procText(t, pid, "statm"))[1])
	if err != nil {
		t.Fatal(err)
	}
	return pages * os.Getpagesize() >> 10
}
