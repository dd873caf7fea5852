//go:build linux && cgo

package nsenter

import (
	"context"
	"encoding/binary"
	"errors"
	"fmt"
	"io"
	"os"
	"syscall"
	"time"

	"golang.org/x/sys/unix"
)

// channel is the caller's end of the socket to the stages. They all share the
// other end, so that its end of file means that none of them is left.
type channel struct {
	file *os.File
	raw  syscall.RawConn
}

// sender is who sent a reply, as the kernel attests.
type sender struct {
	pid   int      // as the caller sees it; 0 if nobody can say
	pidfd *os.File // from Linux 6.5, else nil
}

func (s *sender) close() {
	if s.pidfd != nil {
		s.pidfd.Close()
	}
}

func newChannel(file *os.File) (*channel, error) {
	raw, err := file.SyscallConn()
	if err != nil {
		return nil, err
	}
	return &channel{file: file, raw: raw}, nil
}

func (ch *channel) close() { ch.file.Close() }

// setDeadline ends whatever waits on the channel at that time; zero: never. A
// context that is done ends it at once.
func (ch *channel) setDeadline(ctx context.Context, t time.Time) error {
	if ctx.Err() != nil {
		t = time.Unix(1, 0)
	}
	return ch.file.SetDeadline(t)
}

// cutShort makes ctx end whatever waits on the channel, until stop is called.
func (ch *channel) cutShort(ctx context.Context) (stop func() bool) {
	return context.AfterFunc(ctx, func() { _ = ch.file.SetDeadline(time.Unix(1, 0)) })
}

// send writes all of b. The fds go along in batches of what one message can
// carry, each with a byte of b at least: a request is longer than its batches
// are many, and boundaries between them are kept on a stream.
func (ch *channel) send(b []byte, fds []int) error {
	for len(b) > 0 {
		batch := fds[:min(len(fds), maxFilesSent)]
		fds = fds[len(batch):]
		chunk := b
		if len(fds) > 0 {
			chunk = b[:1]
		}
		n, err := ch.sendSome(chunk, batch)
		if err != nil {
			return err
		}
		b = b[n:]
	}
	return nil
}

func (ch *channel) sendSome(b []byte, fds []int) (n int, err error) {
	var rights []byte
	if len(fds) > 0 {
		rights = unix.UnixRights(fds...)
	}
	for {
		writeErr := ch.raw.Write(func(fd uintptr) bool {
			n, err = unix.SendmsgN(int(fd), b, rights, nil, unix.MSG_NOSIGNAL)
			return !errors.Is(err, unix.EAGAIN)
		})
		if writeErr != nil {
			return 0, writeErr
		}
		switch {
		case errors.Is(err, unix.EINTR):
		case errors.Is(err, unix.ETOOMANYREFS):
			// Too many fds are in flight, of other calls too (man 7 unix): these land soon.
			time.Sleep(time.Millisecond)
			if err := ch.checkDeadline(); err != nil {
				return 0, err
			}
		default:
			return n, err
		}
	}
}

// checkDeadline reports a deadline that has passed, without waiting.
func (ch *channel) checkDeadline() error {
	return ch.raw.Write(func(uintptr) bool { return true })
}

// receive returns the next reply and who sent it; io.EOF when no stage is left.
func (ch *channel) receive() (reply, sender, error) {
	var b [replySize]byte
	oob := make([]byte, unix.CmsgSpace(unix.SizeofUcred)+unix.CmsgSpace(4))
	var n, oobn int
	var err error
	readErr := ch.raw.Read(func(fd uintptr) bool {
		for {
			n, oobn, _, _, err = unix.Recvmsg(int(fd), b[:], oob, unix.MSG_CMSG_CLOEXEC)
			if !errors.Is(err, unix.EINTR) {
				break
			}
		}
		return !errors.Is(err, unix.EAGAIN)
	})
	if readErr != nil {
		err = readErr
	}
	if err != nil {
		return reply{}, sender{}, err
	}
	from, err := parseSender(oob[:oobn])
	if err != nil {
		return reply{}, sender{}, err
	}
	if n == 0 {
		from.close()
		return reply{}, sender{}, io.EOF
	}
	r, err := parseReply(b[:n])
	if err != nil {
		from.close()
	}
	return r, from, err
}

// parseSender takes over the pidfd, and closes fds that nobody asked for.
func parseSender(oob []byte) (sender, error) {
	var from sender
	messages, err := unix.ParseSocketControlMessage(oob)
	if err != nil {
		return from, fmt.Errorf("parse control message: %w", err)
	}
	for _, m := range messages {
		if m.Header.Level != unix.SOL_SOCKET {
			continue
		}
		switch m.Header.Type {
		case unix.SCM_CREDENTIALS:
			if cred, err := unix.ParseUnixCredentials(&m); err == nil {
				from.pid = int(cred.Pid)
			}
		case unix.SCM_PIDFD:
			from.pidfd = pidfdFrom(m.Data)
		case unix.SCM_RIGHTS:
			closeRights(&m)
		}
	}
	return from, nil
}

// pidfdFrom is nil where the kernel could not make one: its errno then stands
// in the fd's place.
func pidfdFrom(data []byte) *os.File {
	if len(data) < 4 {
		return nil
	}
	fd := int(int32(binary.NativeEndian.Uint32(data)))
	if fd < 0 {
		return nil
	}
	return os.NewFile(uintptr(fd), "pidfd")
}

func closeRights(m *unix.SocketControlMessage) {
	fds, _ := unix.ParseUnixRights(m)
	for _, fd := range fds {
		unix.Close(fd)
	}
}
