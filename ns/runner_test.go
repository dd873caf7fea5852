//go:build linux

package ns

import (
	"context"
	"errors"
	"io"
	"net"
	"os"
	"runtime"
	"strings"
	"sync/atomic"
	"testing"
	"time"

	"golang.org/x/sys/unix"
)

func TestRunner(t *testing.T) {
	n, mnt := fresh(t, Net), fresh(t, Mount)
	s, err := NewSet(mnt, n)
	if err != nil {
		t.Fatal(err)
	}
	r, err := NewRunner(s)
	if err != nil {
		t.Fatal(err)
	}
	s.Close()
	count := 0
	inside := func() error {
		count++
		if here(t, Net) != n.ID().Ino || here(t, Mount) != mnt.ID().Ino || onMainThread() {
			t.Errorf("runner is in net %d, mnt %d", here(t, Net), here(t, Mount))
		}
		return nil
	}
	failure := errors.New("mine")
	if err := r.Do(inside, inside, func() error { return failure }, inside); err != failure || count != 2 {
		t.Errorf("batch: %v after %d functions, want fn's own after 2", err, count)
	}
	if how := ending(func() { r.Do(func() error { panic("oh") }) }); how != "panic oh" {
		t.Errorf("panic ends by %s", how)
	}
	if err := r.Do(inside); err != nil {
		t.Errorf("after a panic: %v", err)
	}
	if how := ending(func() { r.Do(func() error { runtime.Goexit(); return nil }) }); how != "goexit" {
		t.Errorf("Goexit ends by %s", how)
	}
	if err := r.Do(inside); !errors.Is(err, os.ErrClosed) {
		t.Errorf("after Goexit: %v", err)
	}
	allThreadsHome(t)
}

func TestRunnerClose(t *testing.T) {
	r, err := fresh(t, UTS).Runner()
	if err != nil {
		t.Fatal(err)
	}
	if err := r.Close(); err != nil {
		t.Error(err)
	}
	if err := r.Close(); !errors.Is(err, os.ErrClosed) {
		t.Errorf("second close: %v", err)
	}
	if err := r.Do(func() error { t.Error("called"); return nil }); !errors.Is(err, os.ErrClosed) {
		t.Errorf("after close: %v", err)
	}
	allThreadsHome(t)
}

func TestRunnerRefuses(t *testing.T) {
	target := newAll(t)
	for _, typ := range []Type{User, PID} {
		h, err := OpenPID(target.Process.Pid, typ)
		if err != nil {
			t.Fatal(err)
		}
		if r, err := h.Runner(); r != nil || err == nil || !strings.Contains(err.Error(), h.String()) {
			t.Errorf("%s: %v, %v", typ.Name(), r, err)
		}
	}
}

// loopback makes a network namespace in which 127.0.0.1 works.
func loopback(t *testing.T) *Handle {
	t.Helper()
	h := fresh(t, Net)
	sock, err := h.Socket(unix.AF_INET, unix.SOCK_DGRAM, 0)
	if err != nil {
		t.Fatal(err)
	}
	defer sock.Close()
	ifr, err := unix.NewIfreq("lo")
	if err != nil {
		t.Fatal(err)
	}
	ifr.SetUint16(unix.IFF_UP)
	if err := unix.IoctlIfreq(int(sock.Fd()), unix.SIOCSIFFLAGS, ifr); err != nil {
		t.Fatal(err)
	}
	return h
}

func TestListenAndDial(t *testing.T) {
	h := loopback(t)
	l, err := h.Listen("tcp", "127.0.0.1:0")
	if err != nil {
		t.Fatal(err)
	}
	defer l.Close()
	if c, err := net.DialTimeout("tcp", l.Addr().String(), time.Second); err == nil {
		c.Close()
		t.Error("the listener is reached from outside of its namespace")
	}
	go func() {
		c, err := l.Accept()
		if err == nil {
			io.WriteString(c, "hello")
			c.Close()
		}
	}()
	ctx, cancel := context.WithTimeout(context.Background(), 5*time.Second)
	defer cancel()
	c, err := h.DialContext(ctx, "tcp", l.Addr().String())
	if err != nil {
		t.Fatal(err)
	}
	defer c.Close()
	if text, err := io.ReadAll(c); err != nil || string(text) != "hello" {
		t.Errorf("read %q, %v", text, err)
	}
	p, err := h.ListenPacket("udp", "127.0.0.1:0")
	if err != nil {
		t.Fatal(err)
	}
	p.Close()
	if _, err := fresh(t, UTS).Listen("tcp", "127.0.0.1:0"); !errors.Is(err, ErrWrongType) {
		t.Errorf("listen in a uts namespace: %v", err)
	}
	allThreadsHome(t)
}

// The name server is asked from inside, too: 127.0.0.1 there, where nobody listens outside.
func TestDialResolvesInside(t *testing.T) {
	h := loopback(t)
	var asked atomic.Bool
	r := h.resolver()
	dial := r.Dial
	r.Dial = func(ctx context.Context, network, _ string) (net.Conn, error) {
		c, err := dial(ctx, "udp", "127.0.0.1:53")
		if err == nil {
			asked.Store(true)
			owner, err := SocketNS(c.(*net.UDPConn))
			if err != nil || !owner.Equal(h) {
				t.Errorf("question goes through %v, %v, want %v", owner, err, h)
			}
		}
		return c, err
	}
	ctx, cancel := context.WithTimeout(context.Background(), time.Second)
	defer cancel()
	if addrs, err := r.LookupHost(ctx, "host.invalid-name.example"); err == nil {
		t.Errorf("found %v", addrs)
	}
	if !asked.Load() {
		t.Error("no name server was asked")
	}
}

func BenchmarkRunner(b *testing.B) {
	r, err := fresh(b, Net).Runner()
	if err != nil {
		b.Fatal(err)
	}
	defer r.Close()
	nothing := func() error { return nil }
	b.Run("one by one", func(b *testing.B) {
		for b.Loop() {
			r.Do(nothing)
		}
	})
	b.Run("batches of 100", func(b *testing.B) {
		batch := make([]func() error, 100)
		for i := range batch {
			batch[i] = nothing
		}
		for i := 0; i < b.N; i += len(batch) {
			r.Do(batch...)
		}
	})
}
