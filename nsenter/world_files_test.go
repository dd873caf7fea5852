//go:build linux && cgo

package nsenter_test

import (
	"fmt"
	"maps"
	"os"
	"path/filepath"
	"slices"
	"strconv"
	"syscall"
	"testing"

	"golang.org/x/sys/unix"

	"nsexec/internal/testutil"
	"nsexec/ns"
	"nsexec/nsenter"
)

// openFiles is what a process has open: device and inode by number.
func openFiles(t testing.TB, pid int) map[int]string {
	t.Helper()
	dir := fmt.Sprintf("/proc/%d/fd", pid)
	entries, err := os.ReadDir(dir)
	if err != nil {
		t.Fatal(err)
	}
	files := make(map[int]string)
	for _, entry := range entries {
		number, err := strconv.Atoi(entry.Name())
		if err != nil {
			t.Fatal(err)
		}
		var st unix.Stat_t
		if unix.Stat(filepath.Join(dir, entry.Name()), &st) == nil { // what reads the list is gone by now
			files[number] = fmt.Sprintf("%d:%d", st.Dev, st.Ino)
		}
	}
	return files
}

func identity(t testing.TB, fd uintptr) string {
	t.Helper()
	var st unix.Stat_t
	if err := unix.Fstat(int(fd), &st); err != nil {
		t.Fatal(err)
	}
	return fmt.Sprintf("%d:%d", st.Dev, st.Ino)
}

// stray opens what a careless program has open: nothing says close-on-exec.
func stray(t testing.TB) {
	t.Helper()
	for i := range 50 {
		path, flags := "/", unix.O_RDONLY|unix.O_DIRECTORY
		if i%2 == 1 {
			path, flags = "/proc/self/status", unix.O_RDONLY
		}
		fd, err := unix.Open(path, flags, 0)
		if err != nil {
			t.Fatal(err)
		}
		t.Cleanup(func() { unix.Close(fd) })
	}
}

// extraFiles makes n distinct files; every seventh entry is nil.
func extraFiles(t testing.TB, n int) []*os.File {
	t.Helper()
	dir := t.TempDir()
	files := make([]*os.File, n)
	for i := range files {
		if i%7 == 6 {
			continue
		}
		file, err := os.Create(filepath.Join(dir, strconv.Itoa(i)))
		if err != nil {
			t.Fatal(err)
		}
		t.Cleanup(func() { file.Close() })
		files[i] = file
	}
	return files
}

// closeStdio closes those of fds 0, 1 and 2 whose bit is set, until the test is over.
func closeStdio(t testing.TB, mask int) {
	t.Helper()
	for fd := range 3 {
		if mask&(1<<fd) == 0 {
			continue
		}
		saved, err := unix.FcntlInt(uintptr(fd), unix.F_DUPFD_CLOEXEC, 900)
		if err != nil {
			t.Fatal(err)
		}
		unix.Close(fd)
		t.Cleanup(func() {
			_ = unix.Dup3(saved, fd, 0)
			unix.Close(saved)
		})
	}
}

// checkFiles starts a payload with extra files, and compares what it has open with what it was given.
func checkFiles(t *testing.T, command starter, set *ns.Set, extra []*os.File) *payload {
	t.Helper()
	cmd := command(set, "/bin/sh", "-c", sayPIDAndWait)
	cmd.ExtraFiles = extra
	want := make(map[int]string)
	for i, file := range extra {
		if file != nil {
			want[3+i] = identity(t, file.Fd())
		}
	}
	p := enter(t, cmd)
	got := openFiles(t, p.Process.Pid)
	for fd, name := range []string{"stdin", "stdout", "stderr"} {
		if got[fd] == "" {
			t.Errorf("payload's %s is closed", name)
		}
		delete(got, fd)
	}
	if !maps.Equal(got, want) {
		t.Errorf("payload has open %v\nwant %v", describeFiles(got), describeFiles(want))
	}
	return p
}

func describeFiles(files map[int]string) (list []string) {
	for _, fd := range slices.Sorted(maps.Keys(files)) {
		list = append(list, fmt.Sprintf("%d=%s", fd, files[fd]))
	}
	return list
}

// Whatever the caller has open or closed, and however few numbers there are: the payload has what it is given.
func TestFilesAreExact(t *testing.T) {
	for _, extra := range []int{0, 20, 300} {
		for closed := range 8 {
			t.Run(fmt.Sprintf("%d extra, closed %03b", extra, closed), func(t *testing.T) {
				if !alone(t) {
					return
				}
				baseline(t)
				target := testutil.Target(t, testutil.PrivilegedTypes)
				set := setOf(t, target.PID, ns.All)
				stray(t)
				files := extraFiles(t, extra)
				closeStdio(t, closed)
				for _, mode := range joinModes {
					checkInside(t, enterSet(t, set, mode), target.PID)
				}
				checkFilesBothWays(t, set, files)
				defer lowerLimit(t)()
				checkFilesBothWays(t, set, files)
			})
		}
	}
}

// checkFilesBothWays makes no subtests: what says so could be anybody's stdout.
func checkFilesBothWays(t *testing.T, set *ns.Set, files []*os.File) {
	t.Helper()
	for _, command := range []starter{nsenter.Command, newLauncher(t).Command} {
		checkFiles(t, command, set, files).end(t)
		checkFiles(t, command, nil, files).end(t)
	}
}

// lowerLimit leaves the caller a few numbers of files, and payloads none that they could be moved to. It returns how to
// have as many as before.
func lowerLimit(t *testing.T) (restore func()) {
	t.Helper()
	var before syscall.Rlimit
	if err := syscall.Getrlimit(syscall.RLIMIT_NOFILE, &before); err != nil {
		t.Fatal(err)
	}
	low := before
	low.Cur = uint64(len(openFiles(t, os.Getpid()))) + 16
	if err := syscall.Setrlimit(syscall.RLIMIT_NOFILE, &low); err != nil {
		t.Fatal(err)
	}
	return func() { _ = syscall.Setrlimit(syscall.RLIMIT_NOFILE, &before) }
}

// A soft limit that has no room for moving files about must not matter, and must not change.
func TestFilesBelowLowLimit(t *testing.T) {
	if !alone(t) {
		return
	}
	baseline(t)
	target := testutil.Target(t, testutil.PrivilegedTypes)
	set := setOf(t, target.PID, ns.All)
	files := extraFiles(t, 300)
	bothWays(t, func(t *testing.T, command starter) {
		defer lowerLimit(t)()
		var limit syscall.Rlimit
		if err := syscall.Getrlimit(syscall.RLIMIT_NOFILE, &limit); err != nil {
			t.Fatal(err)
		}
		p := checkFiles(t, command, set, files)
		defer p.end(t)
		var got unix.Rlimit
		if err := unix.Prlimit(p.Process.Pid, unix.RLIMIT_NOFILE, nil, &got); err != nil {
			t.Fatal(err)
		}
		if got.Cur != limit.Cur || got.Max != limit.Max {
			t.Errorf("payload's limit of open files is %v, want %v", got, limit)
		}
	})
}

// The payload starts with the limits of the caller, before Go raised its own (os/exec does the same).
func TestLimitOfFilesIsInherited(t *testing.T) {
	const show = "ulimit -Sn; ulimit -Hn"
	want, err := nsenter.Command(nil, "/bin/sh", "-c", show).Output()
	if err != nil {
		t.Fatal(err)
	}
	set := setOf(t, testutil.Target(t, testutil.PrivilegedTypes).PID, ns.All)
	got, err := nsenter.Command(set, "/bin/sh", "-c", show).Output()
	if err != nil || string(got) != string(want) {
		t.Errorf("limits of open files: %q, %v, want %q", got, err, want)
	}
}
