//go:build linux && cgo

package nsenter

import (
	"context"
	"encoding/binary"
	"errors"
	"fmt"
	"io"
	"os"
	"time"

	"golang.org/x/sys/unix"
)

// channel is the caller's end of the socket to the stages. They all share the
// other end, so that its end of file means that none of them is left.
//
// Start's goroutine keeps its thread anyway, so it blocks in the kernel: a
// locked goroutine that waits in Go's poller costs two more thread switches
// each time, together a tenth of Start.
type channel struct {
	file     *os.File
	fd       int
	ctx      context.Context
	done     *os.File  // readable when ctx is done; nil: it never is
	deadline time.Time // of whatever waits; zero: never
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

func newChannel(file *os.File) *channel {
	return &channel{file: file, fd: int(file.Fd()), ctx: context.Background()}
}

func (ch *channel) close() {
	ch.file.Close()
	if ch.done != nil {
		ch.done.Close()
	}
}

// watch makes the end of ctx end whatever waits, until stop is called. The
// socket itself is left as it is: what the stages say last must arrive.
func (ch *channel) watch(ctx context.Context) (stop func() bool, err error) {
	ch.ctx = ctx
	if ctx.Done() == nil {
		return func() bool { return true }, nil
	}
	fd, err := unix.Eventfd(0, unix.EFD_CLOEXEC)
	if err != nil {
		return nil, os.NewSyscallError("eventfd", err)
	}
	done := os.NewFile(uintptr(fd), "context")
	ch.done = done
	return context.AfterFunc(ctx, func() {
		_, _ = done.Write(binary.NativeEndian.AppendUint64(nil, 1))
	}), nil
}

// deafen lets no context end what waits any more.
func (ch *channel) deafen() {
	ch.ctx = context.Background()
	if ch.done != nil {
		ch.done.Close()
		ch.done = nil
	}
}

// expired is the context's error, or os.ErrDeadlineExceeded.
func (ch *channel) expired() error {
	if err := ch.ctx.Err(); err != nil {
		return err
	}
	if !ch.deadline.IsZero() && !time.Now().Before(ch.deadline) {
		return os.ErrDeadlineExceeded
	}
	return nil
}

// context ends when the channel expires.
func (ch *channel) context() (context.Context, context.CancelFunc) {
	if ch.deadline.IsZero() {
		return context.WithCancel(ch.ctx)
	}
	return context.WithDeadline(ch.ctx, ch.deadline)
}

// await blocks until the socket is readable or writable (unix.POLLIN,
// unix.POLLOUT) or at its end. It fails when the channel has expired.
func (ch *channel) await(events int16) error {
	fds := []unix.PollFd{{Fd: int32(ch.fd), Events: events}, {Fd: -1, Events: unix.POLLIN}}
	if ch.done != nil {
		fds[1].Fd = int32(ch.done.Fd())
	}
	for {
		if err := ch.expired(); err != nil { // also when a stage never stops talking
			return err
		}
		n, err := unix.Ppoll(fds, ch.timeLeft(), nil)
		if err != nil && !errors.Is(err, unix.EINTR) {
			return os.NewSyscallError("ppoll", err)
		}
		if n > 0 && fds[0].Revents != 0 {
			return nil
		}
	}
}

// timeLeft is nil if there is no deadline.
func (ch *channel) timeLeft() *unix.Timespec {
	if ch.deadline.IsZero() {
		return nil
	}
	left := unix.NsecToTimespec(max(0, time.Until(ch.deadline)).Nanoseconds())
	return &left
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
		n, err = unix.SendmsgN(ch.fd, b, rights, nil, unix.MSG_NOSIGNAL|unix.MSG_DONTWAIT)
		switch {
		case errors.Is(err, unix.EINTR):
		case errors.Is(err, unix.EAGAIN):
			err = ch.await(unix.POLLOUT)
		case errors.Is(err, unix.ETOOMANYREFS):
			err = ch.awaitFlight()
		default:
			return n, err
		}
		if err != nil && !errors.Is(err, unix.EINTR) {
			return 0, err
		}
	}
}

// awaitFlight gives fds that are in flight, of other calls too, time to land:
// their number is limited (unix(7), ETOOMANYREFS).
func (ch *channel) awaitFlight() error {
	time.Sleep(time.Millisecond)
	return ch.expired()
}

// receive returns the next reply and who sent it; io.EOF when no stage is left.
func (ch *channel) receive() (reply, sender, error) {
	if err := ch.await(unix.POLLIN); err != nil {
		return reply{}, sender{}, err
	}
	var b [replySize]byte
	oob := make([]byte, unix.CmsgSpace(unix.SizeofUcred)+unix.CmsgSpace(4))
	n, oobn, _, _, err := unix.Recvmsg(ch.fd, b[:], oob, unix.MSG_CMSG_CLOEXEC|unix.MSG_DONTWAIT)
	if errors.Is(err, unix.EINTR) || errors.Is(err, unix.EAGAIN) {
		return ch.receive()
	}
	if err != nil {
		return reply{}, sender{}, os.NewSyscallError("recvmsg", err)
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
			from.pid = pidFrom(&m)
		case unix.SCM_PIDFD:
			from.close()
			from.pidfd = pidfdFrom(m.Data)
		case unix.SCM_RIGHTS:
			closeRights(&m)
		}
	}
	return from, nil
}

// pidFrom: unix.ParseUnixCredentials reads beyond a message that is too short.
func pidFrom(m *unix.SocketControlMessage) int {
	if len(m.Data) < unix.SizeofUcred {
		return 0
	}
	cred, err := unix.ParseUnixCredentials(m)
	if err != nil {
		return 0
	}
	return int(cred.Pid)
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

// closeRights: unix.ParseUnixRights panics where there are none.
func closeRights(m *unix.SocketControlMessage) {
	for fds := m.Data; len(fds) >= 4; fds = fds[4:] {
		unix.Close(int(int32(binary.NativeEndian.Uint32(fds))))
	}
}
