//go:build linux

package ns

import (
	"errors"
	"os"
	"strings"
	"sync"
	"syscall"
	"testing"

	"golang.org/x/sys/unix"

	"nsexec/internal/kernel"
	"nsexec/internal/nsfs"
	"nsexec/internal/testutil"
)

// eachWay runs the test with the pidfd's ioctls where the kernel has them, and through procfs.
func eachWay(t *testing.T, test func(t *testing.T)) {
	t.Run("auto", test)
	t.Run("procfs", func(t *testing.T) {
		defer nsfs.PIDFDNamespaces.Force(kernel.No)()
		test(t)
	})
}

func TestOfPIDHasTargetsInodes(t *testing.T) {
	testutil.Needs(t, "pidfd_open", "pidfd_send_signal")
	target := testutil.Target(t, testutil.AllTypes)
	supported, err := Supported()
	if err != nil {
		t.Fatal(err)
	}
	eachWay(t, func(t *testing.T) {
		s, err := OfPID(target.PID, All)
		if err != nil {
			t.Fatal(err)
		}
		defer s.Close()
		if s.Types() != supported {
			t.Errorf("set has %v, kernel has %v", s.Types(), supported)
		}
		for _, typ := range supported.Types() {
			h := s.Handle(typ)
			if want := inode(t, target.PID, typ); h.ID().Ino != want || h.Type() != typ {
				t.Errorf("%s: handle is %v, want inode %d", typ.Name(), h, want)
			}
			if found, err := nsfs.Type(int(h.Fd())); err != nil || Type(found) != typ {
				t.Errorf("%s: the kernel calls it %v, %v", typ.Name(), Type(found), err)
			}
			if flags, _ := unix.FcntlInt(h.Fd(), unix.F_GETFD, 0); flags&unix.FD_CLOEXEC == 0 {
				t.Errorf("%s: handle is not close-on-exec", typ.Name())
			}
		}
		err = s.Process(func(pid int, pidfd uintptr) {
			if pid != target.PID {
				t.Errorf("process is %d, want %d", pid, target.PID)
			}
			if err := unix.PidfdSendSignal(int(pidfd), 0, nil, 0); err != nil {
				t.Error(err)
			}
		})
		if err != nil {
			t.Error(err)
		}
	})
}

func TestOfPIDFD(t *testing.T) {
	testutil.Needs(t, "pidfd_open")
	target := newAll(t)
	pidfd, err := unix.PidfdOpen(target.Process.Pid, 0)
	if err != nil {
		t.Fatal(err)
	}
	defer unix.Close(pidfd)
	eachWay(t, func(t *testing.T) {
		s, err := OfPIDFD(pidfd, Net|User)
		if err != nil {
			t.Fatal(err)
		}
		defer s.Close()
		if got, want := s.Handle(Net).ID().Ino, inode(t, target.Process.Pid, Net); got != want {
			t.Errorf("net inode %d, want %d", got, want)
		}
		err = s.Process(func(pid int, _ uintptr) {
			if pid != target.Process.Pid {
				t.Errorf("pid %d was learnt, want %d", pid, target.Process.Pid)
			}
		})
		if err != nil {
			t.Error(err)
		}

		if _, err := OfPIDFD(0, Net); !errors.Is(err, unix.EBADF) || !strings.Contains(err.Error(), "not a pidfd") {
			t.Errorf("stdin as pidfd: %v", err)
		}
		if _, err := OfPIDFD(12345, Net); !errors.Is(err, unix.EBADF) {
			t.Errorf("closed descriptor as pidfd: %v", err)
		}
	})
}

func TestOfThread(t *testing.T) {
	target := newAll(t)
	tasks, err := os.ReadDir("/proc/" + itoa(target.Process.Pid) + "/task")
	if err != nil || len(tasks) < 2 {
		t.Fatalf("tasks %v, %v", tasks, err)
	}
	tid := atoi(tasks[len(tasks)-1].Name())
	s, err := OfPID(tid, All)
	if err != nil {
		t.Fatal(err)
	}
	defer s.Close()
	if got, want := s.Handle(Net).ID().Ino, inode(t, target.Process.Pid, Net); got != want {
		t.Errorf("net inode %d, want %d", got, want)
	}
}

// A process whose first thread has exited is alive, but has lost its namespaces.
func TestOfPIDWithoutFirstThread(t *testing.T) {
	testutil.Needs(t, "pidfd_open")
	cmd := start(t, "exit-first-thread", nil)
	eventually(t, "the first thread is a zombie", func() bool {
		_, err := os.Readlink("/proc/" + itoa(cmd.Process.Pid) + "/ns/net")
		return errors.Is(err, os.ErrNotExist)
	})
	eachWay(t, func(t *testing.T) {
		for _, typ := range []Type{All, Net} {
			s, err := OfPID(cmd.Process.Pid, typ)
			if s != nil || err == nil || errors.Is(err, ErrProcessGone) || !strings.Contains(err.Error(), "first thread has exited") {
				t.Errorf("%v: %v, %v", typ, s, err)
			}
		}
	})
}

func init() {
	helpers["exit-first-thread"] = func() error { // on the main thread, to which init has locked main
		go helpers["sleep"]()
		unix.Syscall(unix.SYS_EXIT, 0, 0, 0) // not raw: the one processor of a small machine has to be handed on
		return nil
	}
}

func TestOfPIDRefuses(t *testing.T) {
	eachWay(t, func(t *testing.T) {
		gone, unreaped := deadPID(t), zombie(t)
		OfPID(gone, All) // procfs keeps a descriptor for ever
		fds := openFDs(t)
		for _, test := range []struct {
			name string
			pid  int
			t    Type
			want error
			says string
		}{
			{"gone", gone, All, ErrProcessGone, "no such process"},
			{"gone matches ESRCH", gone, Net, syscall.ESRCH, "net namespace of process"},
			{"zombie", unreaped, All, ErrProcessGone, "no such process"},
			{"zombie, one type", unreaped, User, ErrProcessGone, "no such process"},
			{"negative", -3, All, ErrProcessGone, "process -3"},
			{"zero", 0, All, ErrProcessGone, "process 0"},
			{"no types", 1, 0, ErrInvalidType, "no type given"},
			{"unknown bits", 1, Net | 1, ErrInvalidType, "0x1"},
		} {
			s, err := OfPID(test.pid, test.t)
			if s != nil || !errors.Is(err, test.want) || !strings.Contains(err.Error(), test.says) {
				t.Errorf("%s: %v, %v, want %v and %q", test.name, s, err, test.want, test.says)
			}
		}
		if now := openFDs(t); now > fds {
			t.Errorf("%d descriptors open, %d before", now, fds)
		}
	})
}

func TestOfPIDWithoutPermission(t *testing.T) {
	if _, err := os.Readlink("/proc/1/ns/user"); err == nil {
		testutil.Skipf(t, "process 1 may be looked at")
	}
	eachWay(t, func(t *testing.T) {
		_, err := OfPID(1, All)
		if !errors.Is(err, os.ErrPermission) || !strings.Contains(err.Error(), "process 1") {
			t.Errorf("process 1: %v, want permission denied", err)
		}
		if mayReadAll() && !strings.Contains(err.Error(), "a security module is what refuses it") {
			t.Errorf("process 1: %v, and the caller has all capabilities that there are", err)
		}
	})
}

func TestNewSet(t *testing.T) {
	target := newAll(t)
	net, err := OpenPID(target.Process.Pid, Net)
	if err != nil {
		t.Fatal(err)
	}
	uts, err := OpenPID(target.Process.Pid, UTS)
	if err != nil {
		t.Fatal(err)
	}
	s, err := NewSet(net, uts)
	if err != nil {
		t.Fatal(err)
	}
	net.Close()
	if s.Types() != Net|UTS || s.Handle(Net).ID() != net.ID() || s.Handle(PID) != nil || s.Handle(All) != nil {
		t.Errorf("set has %v", s.Types())
	}
	if err := s.Handle(Net).Control(func(uintptr) {}); err != nil {
		t.Errorf("a set's duplicate closed with the original: %v", err)
	}
	if err := s.Process(func(int, uintptr) { t.Error("called") }); !errors.Is(err, ErrNoProcess) {
		t.Errorf("process of a set of handles: %v", err)
	}

	if _, err := NewSet(); !errors.Is(err, ErrEmptySet) {
		t.Errorf("set of nothing: %v", err)
	}
	if _, err := NewSet(uts, uts); !errors.Is(err, ErrDuplicateType) || !strings.Contains(err.Error(), uts.String()) {
		t.Errorf("set of two of a type: %v", err)
	}
	if _, err := NewSet(uts, nil); !errors.Is(err, os.ErrInvalid) {
		t.Errorf("set with nil: %v", err)
	}
	if _, err := NewSet(net, uts); !errors.Is(err, os.ErrClosed) {
		t.Errorf("set with a closed handle: %v", err)
	}
	if _, err := s.With(nil); !errors.Is(err, os.ErrInvalid) {
		t.Errorf("With(nil): %v", err)
	}
}

func TestSetWith(t *testing.T) {
	target := newAll(t)
	s, err := OfPID(target.Process.Pid, Net|UTS)
	if err != nil {
		t.Fatal(err)
	}
	own, err := Current(Net)
	if err != nil {
		t.Fatal(err)
	}
	defer own.Close()
	mixed, err := s.With(own)
	if err != nil {
		t.Fatal(err)
	}
	defer mixed.Close()
	s.Close()
	if mixed.Types() != Net|UTS || !mixed.Handle(Net).Equal(own) || mixed.Handle(UTS).ID().Ino != inode(t, target.Process.Pid, UTS) {
		t.Errorf("mixed set is %v, %v", mixed.Handle(Net), mixed.Handle(UTS))
	}
	if err := mixed.Process(func(int, uintptr) {}); !errors.Is(err, ErrNoProcess) {
		t.Errorf("process of a mixed set: %v", err)
	}
}

func TestSetAfterClose(t *testing.T) {
	testutil.Needs(t, "pidfd_open")
	fds := openFDs(t)
	s, err := OfPID(os.Getpid(), All)
	if err != nil {
		t.Fatal(err)
	}
	var wg sync.WaitGroup
	for range 8 {
		wg.Go(func() { s.Close() })
		wg.Go(func() { s.Process(func(_ int, pidfd uintptr) { unix.PidfdSendSignal(int(pidfd), 0, nil, 0) }) })
		wg.Go(func() { s.Handle(Net).OwnerID() })
	}
	wg.Wait()
	if err := s.Close(); !errors.Is(err, os.ErrClosed) {
		t.Errorf("second close: %v", err)
	}
	if err := s.Process(func(int, uintptr) { t.Error("called") }); !errors.Is(err, os.ErrClosed) {
		t.Errorf("process after close: %v", err)
	}
	if now := openFDs(t); now > fds {
		t.Errorf("%d descriptors open, %d before", now, fds)
	}
}

func BenchmarkOfPID(b *testing.B) {
	pid := newAll(b).Process.Pid
	run := func(t Type) func(b *testing.B) {
		return func(b *testing.B) {
			b.ReportAllocs()
			for b.Loop() {
				s, err := OfPID(pid, t)
				if err != nil {
					b.Fatal(err)
				}
				s.Close()
			}
		}
	}
	b.Run("All", run(All))
	b.Run("Net", run(Net))
	b.Run("procfs/All", func(b *testing.B) {
		defer nsfs.PIDFDNamespaces.Force(kernel.No)()
		run(All)(b)
	})
}
