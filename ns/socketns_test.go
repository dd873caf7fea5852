//go:build linux

package ns

import (
	"errors"
	"net"
	"os"
	"os/exec"
	"strings"
	"syscall"
	"testing"

	"golang.org/x/sys/unix"

	"nsexec/internal/testutil"
)

func TestSocketNS(t *testing.T) {
	testutil.Needs(t, "pidfd_open", "pidfd_getfd")
	h := fresh(t, Net)
	sock, err := h.Socket(unix.AF_INET, unix.SOCK_DGRAM, 0)
	if err != nil {
		t.Fatal(err)
	}
	defer sock.Close()
	found, err := SocketNS(sock)
	if err != nil || !found.Equal(h) || found.Type() != Net {
		t.Errorf("namespace of the socket: %v, %v, want %v", found, err, h)
	}

	cmd := exec.Command("sleep", "1000")
	cmd.ExtraFiles = []*os.File{sock}
	if err := cmd.Start(); err != nil {
		t.Fatal(err)
	}
	defer cmd.Wait()
	defer cmd.Process.Kill()
	found, err = ProcessSocketNS(cmd.Process.Pid, 3)
	if err != nil || !found.Equal(h) {
		t.Errorf("namespace of the child's socket: %v, %v, want %v", found, err, h)
	}
	if _, err := ProcessSocketNS(cmd.Process.Pid, 77); !errors.Is(err, unix.EBADF) {
		t.Errorf("closed descriptor: %v", err)
	}
	if _, err := ProcessSocketNS(cmd.Process.Pid, 0); !errors.Is(err, unix.ENOTSOCK) {
		t.Errorf("not a socket: %v", err)
	}
}

func TestSocketNSRefuses(t *testing.T) {
	testutil.Needs(t, "pidfd_open", "pidfd_getfd")
	file, err := os.Open("/proc/self/status")
	if err != nil {
		t.Fatal(err)
	}
	if _, err := SocketNS(file); !errors.Is(err, unix.ENOTSOCK) || !strings.Contains(err.Error(), "regular file on procfs") {
		t.Errorf("regular file: %v", err)
	}
	file.Close()
	if _, err := SocketNS(file); !errors.Is(err, os.ErrClosed) {
		t.Errorf("closed file: %v", err)
	}
	if _, err := ProcessSocketNS(deadPID(t), 3); !errors.Is(err, ErrProcessGone) {
		t.Errorf("process gone: %v", err)
	}
	if os.Geteuid() != 0 {
		c, err := net.ListenPacket("udp", "127.0.0.1:0")
		if err != nil {
			t.Fatal(err)
		}
		defer c.Close()
		if _, err := SocketNS(c.(syscall.Conn)); !errors.Is(err, os.ErrPermission) {
			t.Errorf("without CAP_NET_ADMIN: %v", err)
		}
	}
}
