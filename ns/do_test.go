//go:build linux

package ns

import (
	"errors"
	"os"
	"runtime"
	"strconv"
	"strings"
	"sync"
	"testing"

	"golang.org/x/sys/unix"

	"nsexec/internal/nsfs"
	"nsexec/internal/testutil"
)

// needAdmin skips for those who may not join a namespace at all.
func needAdmin(t testing.TB) {
	t.Helper()
	if os.Geteuid() != 0 {
		testutil.Skipf(t, "needs root of a user namespace: CAP_SYS_ADMIN")
	}
}

// fresh makes a namespace for the test.
func fresh(t testing.TB, typ Type) *Handle {
	t.Helper()
	if typ != User {
		needAdmin(t)
	}
	h, err := New(typ)
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() { h.Close() })
	return h
}

// here is where the calling thread is.
func here(t testing.TB, typ Type) uint64 { return inode(t, "thread-self", typ) }

func TestDo(t *testing.T) {
	for _, typ := range []Type{Net, UTS, IPC, Cgroup, Mount} {
		t.Run(typ.Name(), func(t *testing.T) {
			h := fresh(t, typ)
			before := here(t, typ)
			failure := errors.New("mine")
			err := h.Do(func() error {
				if got := here(t, typ); got != h.ID().Ino {
					t.Errorf("inside: %d, want %v", got, h)
				}
				return failure
			})
			if err != failure {
				t.Errorf("error %v, want fn's own", err)
			}
			if got := here(t, typ); got != before {
				t.Errorf("after: %d, want %d", got, before)
			}
		})
	}
}

func TestDoNested(t *testing.T) {
	net1, net2, uts, mnt := fresh(t, Net), fresh(t, Net), fresh(t, UTS), fresh(t, Mount)
	home := here(t, Net)
	at := func(where string, net uint64, others ...*Handle) {
		t.Helper()
		if got := here(t, Net); got != net {
			t.Errorf("%s: net is %d, want %d", where, got, net)
		}
		for _, h := range others {
			if got := here(t, h.Type()); got != h.ID().Ino {
				t.Errorf("%s: %s is %d, want %v", where, h.Type().Name(), got, h)
			}
		}
	}
	err := net1.Do(func() error {
		return uts.Do(func() error {
			at("two types", net1.ID().Ino, uts)
			err := net2.Do(func() error {
				at("inner net", net2.ID().Ino, uts)
				return net2.Do(func() error { at("the same again", net2.ID().Ino); return nil })
			})
			at("back in the outer net", net1.ID().Ino, uts)
			return errors.Join(err, mnt.Do(func() error {
				at("mnt has another thread", net1.ID().Ino, uts, mnt)
				return net2.Do(func() error { at("net in mnt", net2.ID().Ino, uts, mnt); return nil })
			}))
		})
	})
	if err != nil {
		t.Error(err)
	}
	at("outside", home)
}

func TestSetDo(t *testing.T) {
	net, uts, mnt := fresh(t, Net), fresh(t, UTS), fresh(t, Mount)
	user, err := Current(User) // nothing to join
	if err != nil {
		t.Fatal(err)
	}
	defer user.Close()
	s, err := NewSet(mnt, uts, net, user)
	if err != nil {
		t.Fatal(err)
	}
	defer s.Close()
	called := false
	err = s.Do(func() error {
		called = true
		for _, h := range []*Handle{net, uts, mnt} {
			if got := here(t, h.Type()); got != h.ID().Ino {
				t.Errorf("inside: %d, want %v", got, h)
			}
		}
		return nil
	})
	if err != nil || !called {
		t.Errorf("called %v, %v", called, err)
	}
}

func TestDoRefuses(t *testing.T) {
	target := newAll(t)
	never := func() error { t.Error("called"); return nil }
	for typ, want := range map[Type]error{User: ErrMultithreaded, PID: errors.ErrUnsupported} {
		h, err := OpenPID(target.Process.Pid, typ)
		if err != nil {
			t.Fatal(err)
		}
		if err := h.Do(never); !errors.Is(err, want) || !strings.Contains(err.Error(), h.String()) {
			t.Errorf("%s: %v, want %v", typ.Name(), err, want)
		}
	}
	for _, typ := range []Type{Net, Mount} {
		h, err := OpenPID(target.Process.Pid, typ)
		if err != nil {
			t.Fatal(err)
		}
		if os.Geteuid() != 0 {
			if err := h.Do(never); !errors.Is(err, os.ErrPermission) {
				t.Errorf("%s without capabilities: %v", typ.Name(), err)
			}
		}
		h.Close()
		if err := h.Do(never); !errors.Is(err, os.ErrClosed) {
			t.Errorf("%s after close: %v", typ.Name(), err)
		}
	}
	own, err := Current(Net)
	if err != nil {
		t.Fatal(err)
	}
	own.Close()
	if err := own.Do(never); !errors.Is(err, os.ErrClosed) {
		t.Errorf("own namespace after close: %v", err)
	}
}

// ending calls do on a goroutine of its own and tells how that ends.
func ending(do func()) (how string) {
	done := make(chan string, 1)
	go func() {
		how := "goexit"
		defer func() {
			if p := recover(); p != nil {
				how = "panic " + p.(string)
			}
			done <- how
		}()
		do()
		how = "return"
	}()
	return <-done
}

func TestDoComesBackHoweverItEnds(t *testing.T) {
	for _, typ := range []Type{Net, Mount} {
		h := fresh(t, typ)
		for want, fn := range map[string]func() error{
			"panic oh":  func() error { panic("oh") },
			"goexit":    func() error { runtime.Goexit(); return nil },
			"return":    func() error { return nil },
			"panic two": func() error { return h.Do(func() error { panic("two") }) },
		} {
			var before, after uint64
			var tid int
			how := ending(func() {
				runtime.LockOSThread()
				defer runtime.UnlockOSThread()
				tid, before = unix.Gettid(), here(t, typ)
				defer func() {
					if unix.Gettid() == tid {
						after = here(t, typ)
					}
				}()
				h.Do(fn)
			})
			if how != want || before != after {
				t.Errorf("%s: ends by %s, want %s; thread was in %d, is in %d", typ.Name(), how, want, before, after)
			}
		}
	}
}

// An enclosing lock, and what it stands for, outlives Do.
func TestDoRespectsEnclosingNamespace(t *testing.T) {
	outer, inner := fresh(t, Net), fresh(t, Net)
	done := make(chan struct{})
	go func() { // the thread ends with it
		defer close(done)
		runtime.LockOSThread()
		tid := unix.Gettid()
		if err := outer.setns(); err != nil {
			t.Error(err)
			return
		}
		if err := inner.Do(func() error { return nil }); err != nil {
			t.Error(err)
		}
		if got := here(t, Net); got != outer.ID().Ino || unix.Gettid() != tid {
			t.Errorf("thread %d is in %d, want thread %d in %v", unix.Gettid(), got, tid, outer)
		}
	}()
	<-done
}

// A function that gives up the right to come back.
func TestDoTaintsThread(t *testing.T) {
	outer, inner := fresh(t, Net), fresh(t, Net)
	var tid int
	done := make(chan error)
	go func() {
		done <- outer.Do(func() error { // which root of a user namespace could not leave again anyway
			return inner.Do(func() error {
				tid = unix.Gettid()
				return dropCaps()
			})
		})
	}()
	if err := <-done; !errors.Is(err, ErrThreadTainted) || !errors.Is(err, os.ErrPermission) {
		t.Fatalf("error %v, want ErrThreadTainted", err)
	}
	eventually(t, "the stuck thread ends", func() bool {
		_, err := os.Stat("/proc/self/task/" + itoa(tid))
		return errors.Is(err, os.ErrNotExist)
	})
	allThreadsHome(t)
}

// dropCaps clears the calling thread's effective capabilities.
func dropCaps() error {
	header := unix.CapUserHeader{Version: unix.LINUX_CAPABILITY_VERSION_3}
	var data [2]unix.CapUserData
	return unix.Capset(&header, &data[0])
}

func TestDoOnMainThread(t *testing.T) {
	needAdmin(t)
	out, err := helperCommand("main-thread").CombinedOutput()
	if err != nil {
		t.Errorf("%v: %s", err, out)
	}
}

func init() {
	runtime.LockOSThread() // the helper below wants to be on the main thread
	helpers["main-thread"] = func() error {
		if !onMainThread() {
			return errors.New("not on the main thread")
		}
		h, err := New(Net)
		if err != nil {
			return err
		}
		before, err := Current(Net)
		if err != nil {
			return err
		}
		err = h.Do(func() error {
			now, err := Current(Net)
			if err != nil || !now.Equal(h) || onMainThread() {
				return errors.Join(err, errors.New("inside: "+now.String()))
			}
			return nil
		})
		after, _ := Current(Net)
		if !after.Equal(before) || !onMainThread() {
			return errors.New("after: " + after.String())
		}
		return err
	}
}

// PROBLEMS 12: after 64 goroutines x 1,000 operations everything is as it was.
func TestDoLeavesNothingBehind(t *testing.T) {
	handles := []*Handle{fresh(t, Net), fresh(t, Net), fresh(t, UTS), fresh(t, IPC)}
	// Go keeps a thread for each goroutine that was ever in a namespace at once with others, and we some descriptors.
	times := 1000
	if testing.Short() || testutil.Who() != testutil.Root { // who has no way home takes a new thread for each visit
		times = 100
	}
	visit := func() { visitAtOnce(t, handles, times); allThreadsHome(t) }
	testutil.Baseline(t, visit)
	visit()
	if n := len(lending.joined); n != 0 {
		t.Errorf("%d handles are still lent", n)
	}
}

// visitAtOnce makes 64 goroutines visit two of four namespaces so many times. The first time all of them are there at once.
func visitAtOnce(t *testing.T, handles []*Handle, times int) {
	const visitors = 64
	var wg, absent sync.WaitGroup
	absent.Add(visitors)
	for g := range visitors {
		wg.Go(func() {
			arrive := sync.OnceFunc(absent.Done)
			defer arrive() // nobody waits for one who has failed
			for i := range times {
				a, b := handles[(g+i)%4], handles[(g+i/4+1)%4]
				err := a.Do(func() error {
					return b.Do(func() error {
						switch {
						case i == 0:
							arrive()
							absent.Wait()
						case i%100 == 7:
							runtime.Gosched()
						case i%500 == 3:
							return b.checkHere()
						}
						return nil
					})
				})
				if err != nil {
					t.Error(err)
					return
				}
			}
		})
	}
	wg.Wait()
}

func (h *Handle) checkHere() error {
	now, err := Current(h.t)
	if err != nil {
		return err
	}
	defer now.Close()
	if !now.Equal(h) {
		return errors.New(now.String() + " is not " + h.String())
	}
	return nil
}

// allThreadsHome looks at every namespace of every thread. One that is thrown away takes a moment to end.
func allThreadsHome(t testing.TB) {
	t.Helper()
	eventually(t, "all threads are where the process lives", func() bool { return len(strays(t)) == 0 })
	for _, stray := range strays(t) {
		t.Error(stray)
	}
}

func strays(t testing.TB) (strays []string) {
	t.Helper()
	tasks, err := os.ReadDir("/proc/self/task")
	if err != nil {
		t.Fatal(err)
	}
	supported, _ := Supported()
	for _, task := range tasks {
		for _, typ := range supported.Types() {
			link, _ := os.Readlink("/proc/self/task/" + task.Name() + "/ns/" + typ.Name())
			home, err := os.Readlink("/proc/self/ns/" + typ.Name())
			if err != nil {
				t.Fatal(err)
			}
			if link != home && link != "" { // no link: the thread has just ended
				strays = append(strays, "thread "+task.Name()+" is in "+link+", the process in "+home)
			}
		}
	}
	return strays
}

func TestSetns(t *testing.T) {
	net, mnt := fresh(t, Net), fresh(t, Mount)
	path := func(h *Handle) string { return "/proc/self/fd/" + itoa(int(h.Fd())) }
	done := make(chan struct{})
	go func() { // the thread ends with it
		defer close(done)
		runtime.LockOSThread()
		if err := Setns(path(net), UTS); !errors.Is(err, ErrWrongType) ||
			!strings.Contains(err.Error(), "it is a net namespace, wanted a uts namespace") {
			t.Errorf("net as uts: %v", err)
		}
		if err := Setns(path(net), Net); err != nil || here(t, Net) != net.ID().Ino {
			t.Errorf("net: %v, thread is in %d", err, here(t, Net))
		}
		if err := Setns(path(mnt), Mount); !errors.Is(err, ErrMultithreaded) {
			t.Errorf("mnt with a shared root: %v", err)
		}
		if err := unix.Unshare(unix.CLONE_FS); err != nil {
			t.Error(err)
		}
		if err := Setns(path(mnt), Mount); err != nil || here(t, Mount) != mnt.ID().Ino {
			t.Errorf("mnt with a root of its own: %v", err)
		}
	}()
	<-done
	for _, typ := range []Type{User, Time} {
		if err := Setns("/proc/self/ns/"+typ.Name(), typ); !errors.Is(err, ErrMultithreaded) {
			t.Errorf("%s: %v", typ.Name(), err)
		}
	}
	if err := Setns("/dev/null", Net); !errors.Is(err, ErrNotNamespace) {
		t.Errorf("/dev/null: %v", err)
	}
	if err := Setns("/proc/self/ns/net", Net|UTS); !errors.Is(err, ErrInvalidType) {
		t.Errorf("two types: %v", err)
	}
	allThreadsHome(t)
}

// The thread itself stays; its children will be born elsewhere.
func TestSetnsPID(t *testing.T) {
	needAdmin(t)
	target := newAll(t)
	born := func() string {
		link, err := os.Readlink("/proc/thread-self/ns/pid_for_children")
		if err != nil {
			t.Error(err)
		}
		return link
	}
	done := make(chan struct{})
	go func() { // the thread ends with it
		defer close(done)
		runtime.LockOSThread()
		before, want := here(t, PID), inode(t, target.Process.Pid, PID)
		if err := Setns("/proc/"+itoa(target.Process.Pid)+"/ns/pid", PID); err != nil {
			t.Error(err)
		}
		if now := here(t, PID); now != before {
			t.Errorf("the thread has moved to %d", now)
		}
		if got, want := born(), "pid:["+strconv.FormatUint(want, 10)+"]"; got != want {
			t.Errorf("children are born in %s, want %s", got, want)
		}
	}()
	<-done
	allThreadsHome(t)
}

func TestNew(t *testing.T) {
	supported, _ := Supported()
	for _, typ := range supported.Types() {
		t.Run(typ.Name(), func(t *testing.T) {
			if typ == PID && !nsfs.PIDFDNamespaces.Has() {
				if h, err := New(PID); !errors.Is(err, errors.ErrUnsupported) && !errors.Is(err, os.ErrPermission) {
					t.Errorf("pid namespace before Linux 6.11: %v, %v", h, err)
				}
				return
			}
			h := fresh(t, typ)
			own, err := Current(typ)
			if err != nil {
				t.Fatal(err)
			}
			defer own.Close()
			if h.Equal(own) || h.Type() != typ {
				t.Errorf("new namespace is %v, the caller's is %v", h, own)
			}
			if found, err := Open("/proc/self/fd/" + itoa(int(h.Fd()))); err != nil || !found.Equal(h) || found.Type() != typ {
				t.Errorf("the kernel has %v, %v", found, err)
			}
			if typ == User {
				if uid, err := h.OwnerUID(); err != nil || uid != os.Geteuid() {
					t.Errorf("owner uid %d, %v", uid, err)
				}
			}
			allThreadsHome(t)
		})
	}
	if _, err := New(Net | UTS); !errors.Is(err, ErrInvalidType) {
		t.Errorf("two types: %v", err)
	}
}

func BenchmarkDo(b *testing.B) {
	a, c := fresh(b, Net), fresh(b, Net)
	nothing := func() error { return nil }
	run := func(b *testing.B, h *Handle) {
		b.ReportAllocs()
		for b.Loop() {
			if err := h.Do(nothing); err != nil {
				b.Fatal(err)
			}
		}
	}
	b.Run("plain", func(b *testing.B) { run(b, a) })
	b.Run("nested", func(b *testing.B) { a.Do(func() error { run(b, c); return nil }) })
	b.Run("bare pair", func(b *testing.B) {
		a.Do(func() error {
			for b.Loop() {
				unix.Setns(int(c.Fd()), unix.CLONE_NEWNET)
				unix.Setns(int(a.Fd()), unix.CLONE_NEWNET)
			}
			return nil
		})
	})
}
