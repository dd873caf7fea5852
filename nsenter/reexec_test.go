//go:build linux && cgo

package nsenter_test

import (
	"errors"
	"fmt"
	"os"
	"path/filepath"
	"strings"
	"syscall"
	"testing"

	"golang.org/x/sys/unix"

	"nsexec/internal/testutil"
	"nsexec/ns"
	"nsexec/nsenter"
)

// The whole program: the same process, all threads, arguments and environment.
func TestReexec(t *testing.T) {
	testutil.Needs(t, "setns:several") // a program moves once
	for _, way := range []string{"process", "handles", "child"} {
		for name, types := range map[string]uint64{
			"one": unix.CLONE_NEWUTS, "without user": testutil.PrivilegedTypes &^ unix.CLONE_NEWPID,
			"all but pid": testutil.AllTypes &^ unix.CLONE_NEWPID,
		} {
			t.Run(way+", "+name, func(t *testing.T) {
				target := testutil.Target(t, types)
				m := startMover(t, way, target.PID, target.Types)
				m.Env = append(os.Environ(), "EMPTY=", "ODD=a=b\n\xff", nsenter.PipeVariable+"=nonsense")
				before, after := m.moved()
				if before.PID != m.Process.Pid || after.PID != before.PID {
					t.Errorf("pid %d, was %d", after.PID, before.PID)
				}
				checkTasks(t, m.Process.Pid, testutil.Namespaces(t, target.PID))
				checkEnvironment(t, m.Process.Pid, before.Environ)
				m.tell()
				again := m.hear()
				if !again.Returned || again.Failed != "" || !again.Reexeced || again.Started != "<nil>" {
					t.Errorf("the second Reexec: %v", again)
				}
			})
		}
	}
}

// checkEnvironment: no variable of ours is left. Its bytes are, at the end, as zeros.
func checkEnvironment(t *testing.T, pid int, before []byte) {
	t.Helper()
	want := strings.Replace(string(before), nsenter.PipeVariable+"=nonsense\x00", "", 1)
	got := strings.TrimRight(string(procFile(t, pid, "environ")), "\x00") + "\x00"
	if got != want {
		t.Errorf("environment is %q\nwant %q", got, want)
	}
}

func TestReexecIntoNothing(t *testing.T) {
	m := startMover(t, "process")
	m.moved()
	checkTasks(t, m.Process.Pid, testutil.Namespaces(t, os.Getpid()))
}

// The file named is open and another is not; nothing of the move is left.
func TestReexecFiles(t *testing.T) {
	testutil.Needs(t, "setns:several") // a program moves once
	file := writeFile(t, filepath.Join(openDir(t), "named"), "it is open", 0o644)
	for _, way := range []string{"process", "handles"} {
		target := movable(t)
		m := startMover(t, way, target.PID, target.Types)
		m.Env = append(os.Environ(), namedFileVariable+"="+file)
		before, after := m.moved()
		if before.Named != "it is open" || after.Named != before.Named {
			t.Errorf("from the named file %q is read, before %q", after.Named, before.Named)
		}
		if !before.Other || after.Other {
			t.Errorf("the other file is open: %v, before %v", after.Other, before.Other)
		}
		links, _ := filepath.Glob(fmt.Sprintf("/proc/%d/fd/*", m.Process.Pid))
		for _, link := range links {
			to, _ := os.Readlink(link)
			if strings.Contains(to, "request") || strings.HasPrefix(to, "user:") || strings.HasPrefix(to, "mnt:") {
				t.Errorf("%s leads to %s", link, to)
			}
		}
	}
}

// What the target could reach cannot be written to, has the program's name, and is as traceable as before.
func TestReexecExecutable(t *testing.T) {
	target := movable(t)
	m := startMover(t, "process", target.PID, target.Types)
	m.start()
	before := m.hear()
	comm := string(procFile(t, m.Process.Pid, "comm"))
	m.tell()
	after := m.hear()
	if got := string(procFile(t, m.Process.Pid, "comm")); got != comm {
		t.Errorf("its name is %q, was %q", got, comm)
	}
	if after.Dumpable != before.Dumpable {
		t.Errorf("dumpable: %d, was %d", after.Dumpable, before.Dumpable)
	}
	exe := fmt.Sprintf("/proc/%d/exe", m.Process.Pid)
	if here, there := inodeOf(t, zooBinary), inodeOf(t, exe); here == there {
		t.Errorf("%s is the program itself", exe)
	}
	if err := os.Truncate(exe, 0); err == nil {
		t.Errorf("%s can be written to", exe)
	}
}

func inodeOf(t testing.TB, path string) [2]uint64 {
	t.Helper()
	var st unix.Stat_t
	if err := unix.Stat(path, &st); err != nil {
		t.Fatal(err)
	}
	return [2]uint64{uint64(st.Dev), st.Ino}
}

// A parent-death signal and a child are the program's, whatever is joined.
func TestReexecKeepsParentAndChild(t *testing.T) {
	testutil.Needs(t, "setns:several") // a program moves once
	target := movable(t)
	m := startMover(t, "mortal", target.PID, target.Types)
	_, after := m.moved()
	if after.Death != int(unix.SIGURG) || after.Child != 7 {
		t.Errorf("parent-death signal %d, child's status %d", after.Death, after.Child)
	}
}

// A failure at the second join: the new image is where the old one was.
func TestReexecFailsMidway(t *testing.T) {
	if testutil.Who() == testutil.User {
		testutil.Skip(t, "needs root of a user namespace, to have capabilities that can be dropped")
	}
	target := testutil.Target(t, unix.CLONE_NEWUTS|unix.CLONE_NEWNS)
	m := startMover(t, "partly", target.PID, target.Types)
	e := m.failedInside()
	if e.Stage != nsenter.Stage0 || e.Op != "join" || e.Type != ns.Mount || e.Errno != unix.EPERM ||
		!strings.Contains(e.Hint, "CAP_SYS_CHROOT") {
		t.Errorf("error is %+v", e)
	}
}

// failedInside goes through a move that must fail in the second image, which must then be where the first was.
func (m *mover) failedInside() *nsenter.Error {
	m.t.Helper()
	m.start()
	before := m.hear()
	m.tell()
	if after := m.hear(); after.Reexeced || after.Returned || after.PID != before.PID {
		m.t.Fatalf("second image %+v", after)
	}
	checkTasks(m.t, m.Process.Pid, testutil.Namespaces(m.t, os.Getpid()))
	m.tell()
	im := m.hear()
	if im.Dumpable != before.Dumpable {
		m.t.Errorf("dumpable: %d, was %d", im.Dumpable, before.Dumpable)
	}
	return wantFailed(m.t, im)
}

// The target's is a sibling of the user namespace that is entered: who is not root has nothing to join it with.
func TestReexecNotPermitted(t *testing.T) {
	if testutil.Who() != testutil.User {
		testutil.Skip(t, "needs an ordinary user")
	}
	one, other := testutil.Target(t, unix.CLONE_NEWUSER), testutil.Target(t, unix.CLONE_NEWNET)
	m := startMover(t, "process", one.PID, unix.CLONE_NEWUSER, other.PID, unix.CLONE_NEWNET)
	e := m.failedInside()
	if e.Stage != nsenter.Stage0 || e.Op != "join" || e.Type != ns.Net || e.Errno != unix.EPERM || e.Hint == "" {
		t.Errorf("error is %+v", e)
	}
}

// Refused beforehand, with nothing changed.
func TestReexecRefused(t *testing.T) {
	target := testutil.Target(t, unix.CLONE_NEWUTS|unix.CLONE_NEWPID)
	for way, want := range map[string]struct {
		op    string
		errno syscall.Errno
		text  string
	}{
		"process":      {"join", unix.EINVAL, "see ReexecChild"},
		"handles":      {"join", unix.EINVAL, "cannot change its own pid namespace"},
		"too long":     {"execute program anew", unix.E2BIG, ""},
		"closed set":   {"use ", 0, "file already closed"},
		"closed file":  {"pass file", 0, "file already closed"},
		"no file":      {"keep file", 0, "invalid argument"},
		"unshared pid": {"create", unix.EINVAL, "use Cmd.Unshare"},
	} {
		t.Run(way, func(t *testing.T) {
			types := target.Types
			if want.errno != unix.EINVAL {
				types &^= unix.CLONE_NEWPID
			}
			m := startMover(t, way, target.PID, types)
			m.start()
			m.hear()
			m.tell()
			im := m.hear()
			e := wantFailed(t, im)
			if e.Stage != nsenter.StageCaller || !strings.HasPrefix(e.Op, want.op) || e.Errno != want.errno ||
				!strings.Contains(im.Failed, want.text) {
				t.Errorf("error is %+v", e)
			}
			if !im.Closes && way != "closed file" {
				t.Error("the named file is not close-on-exec any more")
			}
			checkTasks(t, m.Process.Pid, testutil.Namespaces(t, os.Getpid()))
		})
	}
}

func TestReexecedInNoImage(t *testing.T) {
	if nsenter.Reexeced() {
		t.Error("this program has not moved")
	}
	var e *nsenter.Error
	if err := nsenter.ReexecUnshared(1 << 40); !errors.As(err, &e) || e.Errno != unix.EINVAL {
		t.Errorf("unknown types: %v", err)
	}
}
