//go:build linux

package ns

import (
	"bufio"
	"errors"
	"fmt"
	"os"
	"os/exec"
	"path/filepath"
	"slices"
	"syscall"
	"testing"
	"time"

	"golang.org/x/sys/unix"

	"nsexec/internal/procfs"
	"nsexec/internal/testutil"
)

// With too few descriptors there is no answer, and never one in which something is missing.
func TestListNeedsDescriptors(t *testing.T) {
	target := newAll(t)
	cmd := helperCommand("few-descriptors")
	cmd.Env = append(cmd.Env, "NS_TEST_PID="+itoa(target.Process.Pid))
	if out, err := cmd.CombinedOutput(); err != nil {
		t.Errorf("%v: %s", err, out)
	}
}

func init() { helpers["few-descriptors"] = fewDescriptors }

func fewDescriptors() error {
	held, err := OpenPID(atoi(os.Getenv("NS_TEST_PID")), UTS)
	if err != nil {
		return err
	}
	if _, err := List(); err != nil { // opens what is kept
		return err
	}
	time.Sleep(time.Millisecond) // has Go's poller made, without which the runtime cannot live
	var limit unix.Rlimit
	if err := unix.Getrlimit(unix.RLIMIT_NOFILE, &limit); err != nil {
		return err
	}
	failed, succeeded := 0, 0
	for limit.Cur = uint64(held.Fd()) + 1; succeeded < 3; limit.Cur++ {
		if err := unix.Setrlimit(unix.RLIMIT_NOFILE, &limit); err != nil {
			return err
		}
		l, err := List()
		if errors.Is(err, unix.EMFILE) {
			failed++
			continue
		}
		if err != nil {
			return err
		}
		succeeded++
		if n := l.Find(held.ID()); n == nil || n.Members != 1 || n.Owner.Ino == 0 || n.Command == "" {
			return fmt.Errorf("with %d descriptors: %+v", limit.Cur, n)
		}
		if l.Find(mustCurrent(PID)).Members < 2 {
			return fmt.Errorf("with %d descriptors there are too few processes", limit.Cur)
		}
	}
	if failed == 0 {
		return errors.New("never had too few descriptors")
	}
	return nil
}

func mustCurrent(t Type) ID {
	h, err := Current(t)
	if err != nil {
		panic(err)
	}
	defer h.Close()
	return h.ID()
}

// In a new pid namespace /proc is still the old one's, and its numbers are other processes'.
func TestListWithForeignProc(t *testing.T) {
	for _, mayMount := range []bool{true, false} {
		cmd := helperCommand("foreign-proc")
		cmd.SysProcAttr = &syscall.SysProcAttr{
			Cloneflags:  uintptr(User | PID),
			UidMappings: []syscall.SysProcIDMap{{ContainerID: 0, HostID: os.Getuid(), Size: 1}},
			GidMappings: []syscall.SysProcIDMap{{ContainerID: 0, HostID: os.Getgid(), Size: 1}},
		}
		if !mayMount { // an ordinary user there has no capabilities
			cmd.SysProcAttr.UidMappings[0].ContainerID = 1000
		}
		if out, err := cmd.CombinedOutput(); err != nil {
			t.Errorf("may mount: %v: %v: %s", mayMount, err, out)
		}
	}
}

func init() {
	helpers["foreign-proc"] = func() error {
		l, err := List()
		if errors.Is(err, procfs.ErrForeign) && !procfs.Private() {
			return nil
		}
		if err != nil {
			return err
		}
		n := l.Find(mustCurrent(PID))
		if n == nil || n.Members != 1 || n.PID != os.Getpid() {
			return fmt.Errorf("process %d: %+v", os.Getpid(), n)
		}
		return nil
	}
}

// A zombie has lost its namespaces but for two.
func TestListCountsZombies(t *testing.T) {
	cmd := exec.Command("/bin/true")
	cmd.SysProcAttr = &syscall.SysProcAttr{Cloneflags: uintptr(User | UTS | IPC)}
	if err := cmd.Start(); err != nil {
		t.Fatal(err)
	}
	defer cmd.Wait()
	var info unix.Siginfo
	if err := unix.Waitid(unix.P_PID, cmd.Process.Pid, &info, unix.WEXITED|unix.WNOWAIT, nil); err != nil {
		t.Fatal(err)
	}
	l := mustList(t)
	want := inode(t, cmd.Process.Pid, User)
	i := slices.IndexFunc(l.Namespaces, func(n Namespace) bool { return n.Type == User && n.ID.Ino == want })
	if i < 0 {
		t.Fatal("its user namespace is not listed")
	}
	if n := l.Namespaces[i]; n.Members != 1 || n.PID != cmd.Process.Pid || n.Command != "true" {
		t.Errorf("%+v", n)
	}
	if slices.Contains(l.Unreadable, cmd.Process.Pid) {
		t.Error("unreadable")
	}
}

// Root mounts a procfs of its own, which hides nothing.
func TestRootSeesBehindHidepid(t *testing.T) {
	testutil.NeedRoot(t)
	testutil.Needs(t, "fsopen")
	inPrivateMounts(t, func() {
		if err := unix.Mount("proc", "/proc", "proc", 0, "hidepid=2"); err != nil {
			t.Error(err)
			return
		}
		if mustList(t).Hidden {
			t.Error("hidden")
		}
	})
}

// More namespaces with several members than there are files kept open: none is mistaken, and no file stays open.
func TestListKeepsFewFiles(t *testing.T) {
	const types = User | UTS | IPC | PID
	want := make(map[ID]int)
	for range len(keptFiles{}.files)/len(types.Types()) + 4 {
		pid := shell(t, types, "sleep 1000 & sleep 1000 & echo ready; wait")
		for _, typ := range types.Types() {
			h, err := OpenPID(pid, typ)
			if err != nil {
				t.Fatal(err)
			}
			want[h.ID()] = slices.Min(append(procfs.Children(pid), pid)) // a child's, where the numbers have begun again
			h.Close()
		}
	}
	mustList(t) // opens what is kept
	before := openFDs(t)
	l := mustList(t)
	noneLeft(t, before)
	for id, pid := range want {
		if n := l.Find(id); n == nil || n.Members != 3 || n.PID != pid {
			t.Errorf("%v: %+v, want process %d, the first of three", id, n, pid)
		}
	}
}

// What is found last, when all processes have been seen, leaves no file open either: here what bind mounts alone keep
// alive, and the owner that two of them have.
func TestListLeavesNoFileOfPins(t *testing.T) {
	dir, cmd := t.TempDir(), newAll(t)
	inPrivateMounts(t, func() {
		for _, typ := range []Type{UTS, IPC} {
			h, err := OpenPID(cmd.Process.Pid, typ)
			if err == nil {
				err = h.Pin(filepath.Join(dir, typ.Name()))
				h.Close()
			}
			if err != nil {
				t.Error(err)
				return
			}
		}
		cmd.Process.Kill()
		cmd.Wait()
		mustList(t) // opens what is kept
		before := openFDs(t)
		mustList(t)
		noneLeft(t, before)
	})
}

func noneLeft(t *testing.T, before int) {
	t.Helper()
	if after := openFDs(t); after > before {
		t.Errorf("%d descriptors before, %d after", before, after)
	}
}

// A bind mount in another mount namespace is found with a process that sees it there.
func TestListFindsPinsElsewhere(t *testing.T) {
	pid := shell(t, User|Mount|UTS, `
		mount -t tmpfs tmpfs /mnt
		touch "/mnt/a name"
		mount --bind /proc/self/ns/uts "/mnt/a name"
		echo ready
		exec sleep 1000`)
	h, err := OpenPID(pid, UTS)
	if err != nil {
		t.Fatal(err)
	}
	if n := row(t, h); n.PID != pid || !slices.Equal(n.Pins, []Pin{{Path: "/mnt/a name", PID: pid}}) {
		t.Errorf("%+v, want it pinned in process %d", n, pid)
	}
}

// shell runs a script in new namespaces, of which it says "ready" when they are. Its process ends with the test.
func shell(t *testing.T, types Type, script string) (pid int) {
	t.Helper()
	cmd := exec.Command("sh", "-ec", script)
	cmd.SysProcAttr = &syscall.SysProcAttr{
		Cloneflags:  uintptr(types),
		UidMappings: []syscall.SysProcIDMap{{ContainerID: 0, HostID: os.Getuid(), Size: 1}},
		GidMappings: []syscall.SysProcIDMap{{ContainerID: 0, HostID: os.Getgid(), Size: 1}},
	}
	out, err := cmd.StdoutPipe()
	if err != nil {
		t.Fatal(err)
	}
	if err := cmd.Start(); err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() {
		cmd.Process.Kill()
		cmd.Wait()
	})
	if line, err := bufio.NewReader(out).ReadString('\n'); err != nil {
		t.Fatalf("said %q, %v", line, err)
	}
	return cmd.Process.Pid
}
