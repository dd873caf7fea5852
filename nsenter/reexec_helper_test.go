//go:build linux && cgo

package nsenter_test

import (
	"bytes"
	"cmp"
	"encoding/json"
	"errors"
	"fmt"
	"io"
	"os"
	"os/exec"
	"path/filepath"
	"strings"
	"syscall"
	"testing"
	"time"
	"unsafe"

	"golang.org/x/sys/unix"

	"nsexec/internal/testutil"
	"nsexec/nsenter"
)

// The files of a program that moves: it names the first, and not the second.
const (
	namedFile = 100
	otherFile = 101

	namedFileVariable = "NSENTER_TEST_NAMED"
)

// image is what a program that moves says of itself, when it starts and when its Reexec has returned.
type image struct {
	PID      int
	Environ  []byte // each variable with its NUL
	Reexeced bool
	Named    string // what is read from the named file
	Other    bool   // whether the other file is open
	Dumpable int
	Death    int // the parent-death signal, when the program started
	Child    int // how a child of the image before has ended

	Returned bool
	Failed   string // what Reexec has returned, if that is an error
	Error    *nsenter.Error
	Closes   bool   // whether the named file is close-on-exec
	Started  string // the error of starting a payload from here
}

func (im image) String() string {
	im.Environ = nil
	type bare image
	return fmt.Sprintf("%+v", bare(im))
}

// deathSignal is what the main thread has: only init functions are sure to run on it.
var deathSignal = func() int {
	var signal int32
	_ = unix.Prctl(unix.PR_GET_PDEATHSIG, uintptr(unsafe.Pointer(&signal)), 0, 0, 0)
	return int(signal)
}()

func init() {
	// moves says what it is, waits for a line, moves, says what Reexec has returned, and waits for a line.
	zoo["moves"] = func(arg []string) error {
		im := image{PID: os.Getpid(), Reexeced: nsenter.Reexeced(), Death: deathSignal}
		im.Environ = []byte(strings.Join(os.Environ(), "\x00") + "\x00")
		im.Named, im.Other = filesOfMover(im.Reexeced)
		im.Dumpable, _ = unix.PrctlRetInt(unix.PR_GET_DUMPABLE, 0, 0, 0, 0)
		im.Child = endOfChild()
		if err := sayAndWait(im); err != nil {
			return err
		}
		err := moveAs(arg[0], arg[1:])
		im.Returned, im.Reexeced = true, nsenter.Reexeced()
		if err != nil {
			im.Failed = err.Error()
			errors.As(err, &im.Error)
		}
		flags, _ := unix.FcntlInt(namedFile, unix.F_GETFD, 0)
		im.Closes = flags&unix.FD_CLOEXEC != 0
		im.Started = fmt.Sprint(nsenter.Command(nil, "/bin/true").Run())
		if err := sayAndWait(im); err != nil {
			return err
		}
		if status := lastWord[0]; status != '\n' {
			os.Exit(int(status))
		}
		return nil
	}
}

// lastWord is what was waited for: a newline, or what the status is to be in the end.
var lastWord [1]byte

func sayAndWait(im image) error {
	if im.Error != nil {
		im.Error.Err = nil // an interface, which JSON cannot give back
	}
	text, err := json.Marshal(im)
	if err != nil {
		return err
	}
	if _, err := os.Stdout.Write(append(text, '\n')); err != nil {
		return err
	}
	_, err = io.ReadFull(os.Stdin, lastWord[:])
	return err
}

func filesOfMover(moved bool) (named string, other bool) {
	if !moved {
		file, _ := os.Open(cmp.Or(os.Getenv(namedFileVariable), os.DevNull))
		_ = unix.Dup3(int(file.Fd()), namedFile, unix.O_CLOEXEC)
		_ = unix.Dup3(int(file.Fd()), otherFile, unix.O_CLOEXEC)
		file.Close()
	}
	buf := make([]byte, 100)
	n, _ := unix.Pread(namedFile, buf, 0)
	_, err := unix.FcntlInt(otherFile, unix.F_GETFD, 0)
	return string(buf[:max(n, 0)]), err == nil
}

// endOfChild is the status of a child that the image before has started, or -1.
func endOfChild() int {
	var status syscall.WaitStatus
	if _, err := syscall.Wait4(-1, &status, 0, nil); err != nil {
		return -1
	}
	return status.ExitStatus()
}

// mover is a running program that moves.
type mover struct {
	*exec.Cmd
	t     testing.TB
	stdin io.WriteCloser
	says  *json.Decoder
	ended bool
}

// startMover starts a program that will move in a way to targets: pairs of a process and a mask of types.
func startMover(t testing.TB, way string, targets ...any) *mover {
	t.Helper()
	m := &mover{Cmd: exec.Command(zooBinary), t: t}
	m.Args = []string{"-a name\n of its own", zooArgument + "moves", way}
	for _, arg := range targets {
		m.Args = append(m.Args, fmt.Sprint(arg))
	}
	m.Args = append(m.Args, "", "\xff\xfe ")
	m.Stderr = os.Stderr
	m.Dir = "/"
	return m
}

func (m *mover) start() *mover {
	m.t.Helper()
	stdout, err := m.StdoutPipe()
	if err != nil {
		m.t.Fatal(err)
	}
	if m.stdin, err = m.StdinPipe(); err != nil {
		m.t.Fatal(err)
	}
	if err := m.Start(); err != nil {
		m.t.Fatal(err)
	}
	m.says = json.NewDecoder(stdout)
	m.t.Cleanup(m.end)
	return m
}

// hear is what the program says next.
func (m *mover) hear() (im image) {
	m.t.Helper()
	stuck := time.AfterFunc(20*time.Second, func() { _ = m.Process.Kill() })
	defer stuck.Stop()
	if err := m.says.Decode(&im); err != nil {
		m.t.Fatalf("the program says nothing: %v", err)
	}
	return im
}

// tell makes it go on.
func (m *mover) tell() {
	m.t.Helper()
	if _, err := m.stdin.Write([]byte("\n")); err != nil {
		m.t.Error(err)
	}
}

// end makes a program that has said all end well.
func (m *mover) end() {
	if m.ended {
		return
	}
	m.ended = true
	if m.t.Failed() {
		_ = m.Process.Kill()
	}
	_, _ = m.stdin.Write([]byte("\n\n"))
	m.stdin.Close()
	if err := m.Wait(); err != nil && !m.t.Failed() {
		m.t.Errorf("the program: %v", err)
	}
}

// moved goes through a move that must succeed, and returns both images.
func (m *mover) moved() (before, after image) {
	m.t.Helper()
	m.start()
	before = m.hear()
	cmdline := procFile(m.t, m.Process.Pid, "cmdline")
	m.tell()
	after = m.hear()
	if before.Reexeced || !after.Reexeced || after.Returned {
		m.t.Fatalf("first image %v\nsecond image %v", before, after)
	}
	if got := procFile(m.t, m.Process.Pid, "cmdline"); !bytes.Equal(got, cmdline) {
		m.t.Errorf("arguments %q, were %q", got, cmdline)
	}
	return before, after
}

// refused goes through a move that must fail in the first image, and returns the error.
func (m *mover) refused() *nsenter.Error {
	m.t.Helper()
	m.start()
	m.hear()
	m.tell()
	return wantFailed(m.t, m.hear())
}

func wantFailed(t testing.TB, im image) *nsenter.Error {
	t.Helper()
	if !im.Returned || im.Reexeced || im.Failed == "" {
		t.Fatalf("Reexec has not failed: %v", im)
	}
	if im.Error == nil {
		t.Fatalf("it is no *Error: %s", im.Failed)
	}
	t.Log(im.Failed)
	return im.Error
}

func procFile(t testing.TB, pid int, name string) []byte {
	t.Helper()
	text, err := os.ReadFile(fmt.Sprintf("/proc/%d/%s", pid, name))
	if err != nil {
		t.Fatal(err)
	}
	return text
}

// checkTasks compares the namespaces of every thread of a process.
func checkTasks(t testing.TB, pid int, want map[string]uint64) {
	t.Helper()
	tasks, err := filepath.Glob(fmt.Sprintf("/proc/%d/task/*", pid))
	if err != nil || len(tasks) == 0 {
		t.Fatalf("no threads of %d: %v", pid, err)
	}
	for _, task := range tasks {
		for name, inode := range want {
			var st syscall.Stat_t
			if err := syscall.Stat(task+"/ns/"+name, &st); err != nil {
				t.Error(err)
			} else if st.Ino != inode {
				t.Errorf("%s is in the %s namespace %d, want %d", task, name, st.Ino, inode)
			}
		}
	}
	t.Logf("%d threads", len(tasks))
}

// movable is all types but pid, that the target then has; an ordinary user's has a user namespace in any case.
func movable(t testing.TB) *testutil.Proc {
	t.Helper()
	return testutil.Target(t, testutil.AllTypes&^unix.CLONE_NEWPID)
}
