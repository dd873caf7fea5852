//go:build linux && cgo

package nsenter

import (
	"encoding/binary"
	"os"
	"testing"
	"unsafe"

	"golang.org/x/sys/unix"
)

// Whatever comes along with a reply, no file of it is left open.
func FuzzSender(f *testing.F) {
	self := unix.UnixCredentials(&unix.Ucred{Pid: 4711, Uid: 1, Gid: 2})
	pidfd := unix.UnixRights(3)
	(*unix.Cmsghdr)(unsafe.Pointer(&pidfd[0])).Type = unix.SCM_PIDFD
	f.Add(self)
	f.Add(append(self, pidfd...))
	f.Add(append(pidfd, unix.UnixRights(3, 4, 5)...))
	f.Add(append(pidfd, pidfd...))
	f.Add(self[:20])
	f.Fuzz(func(t *testing.T, control []byte) {
		marker, err := os.Open("/dev/null")
		if err != nil {
			t.Fatal(err)
		}
		defer marker.Close()
		planted := plant(t, control, int(marker.Fd()))
		from, err := parseSender(control)
		if err == nil && from.pid != 0 && len(control) < unix.CmsgLen(unix.SizeofUcred) {
			t.Fatalf("pid %d out of %d bytes", from.pid, len(control))
		}
		from.close()
		for _, fd := range planted {
			if _, err := unix.FcntlInt(uintptr(fd), unix.F_GETFD, 0); err == nil {
				unix.Close(fd)
				t.Fatalf("%x (%v): file %d of %d is left open", control, err, fd, planted)
			}
		}
	})
}

// plant puts new descriptors where a control message would have some.
func plant(t *testing.T, control []byte, file int) (planted []int) {
	messages, err := unix.ParseSocketControlMessage(control)
	if err != nil {
		return nil
	}
	for _, m := range messages {
		if m.Header.Level != unix.SOL_SOCKET || m.Header.Type != unix.SCM_RIGHTS && m.Header.Type != unix.SCM_PIDFD {
			continue
		}
		for data := m.Data; len(data) >= 4; data = data[4:] {
			fd, err := unix.Dup(file)
			if err != nil {
				t.Fatal(err)
			}
			binary.NativeEndian.PutUint32(data, uint32(fd))
			planted = append(planted, fd)
			if m.Header.Type == unix.SCM_PIDFD {
				break
			}
		}
	}
	return planted
}
