//go:build linux && cgo

package nsenter_test

import (
	"bytes"
	"debug/elf"
	"errors"
	"fmt"
	"os"
	"os/exec"
	"path/filepath"
	"runtime"
	"slices"
	"strconv"
	"strings"
	"syscall"
	"testing"
	"unsafe"

	"golang.org/x/sys/unix"

	"nsexec/internal/testutil"
	"nsexec/ns"
	"nsexec/nsenter"
)

func init() {
	// launcher looked at tries to look into its own launcher, as anybody else with its ids could.
	zoo["launcher looked at"] = lookAtLauncher
	// launcher of a large caller has one, and says how much memory is the launcher's alone, in KiB.
	zoo["launcher of a large caller"] = weighLauncher
}

// filesOf are the open files of a process, by number.
func filesOf(t testing.TB, pid int) map[string]string {
	t.Helper()
	return filesIn(t, fmt.Sprintf("/proc/%d/fd", pid))
}

// holdsSocketsOnly tells whether each thread of a launcher has one file, a socket: they do not share them.
func holdsSocketsOnly(t testing.TB, pid int) bool {
	t.Helper()
	holds := true
	for _, dir := range glob(t, fmt.Sprintf("/proc/%d/task/*/fd", pid)) {
		files := filesIn(t, dir)
		for _, link := range files {
			holds = holds && len(files) == 1 && strings.HasPrefix(link, "socket:")
		}
	}
	return holds
}

func filesIn(t testing.TB, dir string) map[string]string {
	t.Helper()
	files := make(map[string]string)
	for _, path := range glob(t, dir+"/*") {
		if link, err := os.Readlink(path); err == nil {
			files[filepath.Base(path)] = link
		}
	}
	return files
}

// needEyes: an ordinary user cannot look into a launcher, not even his own.
func needEyes(t *testing.T) {
	t.Helper()
	if testutil.Who() == testutil.User {
		testutil.Skip(t, "needs root of a user namespace: a launcher is not dumpable")
	}
}

// procText is what /proc says about a process.
func procText(t testing.TB, pid int, name string) string {
	t.Helper()
	text, err := os.ReadFile(fmt.Sprintf("/proc/%d/%s", pid, name))
	if err != nil {
		t.Fatal(err)
	}
	return string(text)
}

// looks is what monitoring tools see of a launcher.
func looks(t testing.TB, pid int) string {
	t.Helper()
	exe, err := os.Readlink(fmt.Sprintf("/proc/%d/exe", pid))
	if err != nil {
		t.Fatal(err)
	}
	threads := len(glob(t, fmt.Sprintf("/proc/%d/task/*", pid)))
	return fmt.Sprintf("%q %q %q %d", procText(t, pid, "comm"), procText(t, pid, "cmdline"), exe, threads)
}

func TestLauncherHoldsNothing(t *testing.T) {
	needEyes(t)
	baseline(t)
	target := testutil.Target(t, testutil.AllTypes)
	set := setOf(t, target.PID, ns.All)
	for _, fd := range openMany(t, 50) {
		if _, err := unix.FcntlInt(uintptr(fd), unix.F_SETFD, 0); err != nil { // inheritable, by mistake
			t.Fatal(err)
		}
	}
	l := newLauncher(t)
	before := looks(t, l.PID())
	for range 20 {
		runs(t, l, nil)
		runs(t, l, set)
	}
	p := enterBy(t, l, set, nsenter.JoinAuto)
	if !holdsSocketsOnly(t, l.PID()) {
		t.Errorf("it holds %v", filesOf(t, l.PID()))
	}
	if now := looks(t, l.PID()); now != before || !strings.HasPrefix(now, `"nsexec:launcher\n" "nsexec: launcher\x00" "/`) ||
		!strings.HasSuffix(now, fmt.Sprint(" ", 1+nsenter.Workers(l))) {
		t.Errorf("it looks like %s, and before like %s", now, before)
	}
	if children := childrenOf(l.PID()); len(children) > 0 {
		t.Errorf("it has children: %v", children)
	}
	p.end(t)
}

func openMany(t testing.TB, n int) (fds []int) {
	t.Helper()
	for range n {
		fd, err := unix.Open("/", unix.O_RDONLY|unix.O_CLOEXEC, 0)
		if err != nil {
			t.Fatal(err)
		}
		t.Cleanup(func() { unix.Close(fd) })
		fds = append(fds, fd)
	}
	return fds
}

// Nothing of the caller's environment but what loading and booting need.
func TestLaunchersEnvironment(t *testing.T) {
	needEyes(t)
	t.Setenv("LAUNCHER_SECRET", "hush")
	t.Setenv("GODEBUG", "madvdontneed=1")
	l := newLauncher(t)
	kept := []string{"LD_LIBRARY_PATH", "LD_PRELOAD", "GODEBUG", "GOGC", "GOMAXPROCS", "GOMEMLIMIT", "GORACE", "GOTRACEBACK"}
	env := strings.TrimRight(procText(t, l.PID(), "environ"), "\x00")
	for kv := range strings.SplitSeq(env, "\x00") {
		if key, _, _ := strings.Cut(kv, "="); !slices.Contains(kept, key) {
			t.Errorf("it has %q", kv)
		}
	}
	if !strings.Contains(env, "GODEBUG=madvdontneed=1") {
		t.Errorf("its environment is %q", env)
	}
}

// Who shares its ids, and has no more rights than that, can neither trace it nor read its memory or take its files.
func TestLauncherIsNotDumpable(t *testing.T) {
	testutil.Needs(t, "pidfd_open", "pidfd_getfd")
	cmd := exec.Command(zooBinary)
	cmd.Env = zooEnv("launcher looked at")
	switch testutil.Who() {
	case testutil.Root: // may look at everything
		cmd.Dir = "/"
		cmd.SysProcAttr = &syscall.SysProcAttr{Credential: &syscall.Credential{Uid: 47110, Gid: 47110}}
	case testutil.UsernsRoot:
		testutil.NeedUser(t)
	case testutil.User:
	}
	if out, err := cmd.CombinedOutput(); err != nil {
		t.Errorf("%v: %s", err, out)
	}
}

func lookAtLauncher([]string) error {
	runtime.LockOSThread() // ptrace is a thread's
	l, err := nsenter.NewLauncher()
	if err != nil {
		return err
	}
	defer l.Close()
	for range 2 {
		for name, err := range lookInto(l.PID()) {
			if !errors.Is(err, os.ErrPermission) {
				return fmt.Errorf("%s of a launcher: %w", name, err)
			}
		}
		if err := l.Command(nil, "/bin/true").Run(); err != nil {
			return err
		}
	}
	other := exec.Command("/bin/sleep", "60")
	if err := other.Start(); err != nil {
		return err
	}
	defer func() { _ = other.Process.Kill(); _ = other.Wait() }()
	return errors.Join(lookInto(other.Process.Pid)["environ"], lookInto(other.Process.Pid)["trace"])
}

// lookInto tries what a look into a process needs the right to trace it for.
func lookInto(pid int) map[string]error {
	results := make(map[string]error)
	for _, name := range []string{"environ", "mem", "maps", "auxv", "fd"} {
		f, err := os.Open(fmt.Sprintf("/proc/%d/%s", pid, name))
		if err == nil && name == "fd" {
			_, err = f.Readdirnames(-1)
		}
		f.Close()
		results[name] = err
	}
	if results["trace"] = unix.PtraceSeize(pid); results["trace"] == nil {
		_ = unix.PtraceInterrupt(pid)
		_, _ = unix.Wait4(pid, nil, unix.WALL, nil)
		_ = unix.PtraceDetach(pid)
	}
	pidfd, err := unix.PidfdOpen(pid, 0)
	if err == nil {
		_, err = unix.PidfdGetfd(pidfd, 3, 0)
		unix.Close(pidfd)
	}
	results["file"] = err
	var word [8]byte
	local := []unix.Iovec{{Base: &word[0], Len: 8}}
	_, results["memory"] = unix.ProcessVMReadv(pid, local, []unix.RemoteIovec{{Base: uintptr(unsafe.Pointer(&word)), Len: 8}}, 0)
	return results
}

func weighLauncher([]string) error {
	heap := bytes.Repeat([]byte("heap"), 64<<20)
	l, err := nsenter.NewLauncher()
	if err != nil {
		return err
	}
	defer l.Close()
	for range 100 {
		if err := l.Command(nil, "/bin/true").Run(); err != nil {
			return err
		}
	}
	own, err := ownMemory(l.PID())
	fmt.Println(own)
	runtime.KeepAlive(heap)
	return err
}

// ownMemory is what a process has in memory that is no file's, in KiB. The pages of an executable are shared with whoever
// runs it, but for those of a copy in memory.
func ownMemory(pid int) (int, error) {
	rollup, err := os.ReadFile(fmt.Sprintf("/proc/%d/smaps_rollup", pid))
	if err != nil {
		return 0, err
	}
	for line := range strings.Lines(string(rollup)) {
		if size, found := strings.CutPrefix(line, "Anonymous:"); found {
			return strconv.Atoi(strings.Fields(size)[0])
		}
	}
	return 0, errors.New("no anonymous memory is named")
}

// However large its caller and that one's program are.
func TestLauncherIsSmall(t *testing.T) {
	needEyes(t)
	_, own := startSaying(t, "launcher of a large caller")
	limit := 320 + relocated(t)
	t.Logf("%d KiB of at most %d", own, limit)
	if own > limit {
		t.Errorf("%d KiB are its own, more than %d", own, limit)
	}
}

// relocated is what a position-independent program takes in KiB, of which every process has its own.
func relocated(t *testing.T) (size int) {
	t.Helper()
	f, err := elf.Open(zooBinary)
	if err != nil {
		t.Fatal(err)
	}
	defer f.Close()
	for _, section := range f.Sections {
		if f.Type == elf.ET_DYN && slices.Contains([]string{".data.rel.ro", ".data", ".rela.dyn", ".rel.dyn"}, section.Name) {
			size += int(section.Size >> 10)
		}
	}
	return size
}
