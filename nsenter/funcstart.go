//go:build linux && cgo

package nsenter

import (
	"errors"
	"fmt"
	"os"
	"strings"
	"time"

	"golang.org/x/sys/unix"
)

// prepareFunction writes the input, and makes a place for the output. Until the
// function runs a stderr that nobody wants is kept, since what a payload says
// before may be why it does not: /dev/null is then one of its files, the last.
func (c *Cmd) prepareFunction(files []*os.File, env []string) ([]*os.File, error) {
	f := c.function
	if f == nil {
		return files, nil
	}
	in := functionInput{Name: f.fn.name, Args: joinByNUL(c.argv()), Env: joinByNUL(env)}
	if deadline, ok := c.context().Deadline(); ok {
		in.Timeout = max(time.Until(deadline), 1)
	}
	if err := f.makeFiles(); err != nil {
		return nil, err
	}
	if c.Stderr == nil {
		in.DevNull = len(files)
		files = append(files, files[2])
		files[2] = f.stderr
	}
	if err := writeParts(f.input, in, f.in); err != nil {
		return nil, callerError("write function input", "", err)
	}
	return files, nil
}

func (f *functionCall) makeFiles() (err error) {
	if f.stderr, err = newMemory("function stderr"); err != nil {
		return err
	}
	if f.input, err = newMemory("function input"); err != nil {
		return err
	}
	f.output, err = newMemory("function output")
	return err
}

func joinByNUL(all []string) []byte { return []byte(strings.Join(all, "\x00")) }

func newMemory(name string) (*os.File, error) {
	fd, err := unix.MemfdCreate(name, unix.MFD_CLOEXEC)
	if err != nil {
		return nil, callerError("make memory for "+name, "", err)
	}
	return os.NewFile(uintptr(fd), name), nil
}

// awaitBoot waits until the function is about to run.
func (l *launch) awaitBoot() error {
	for {
		r, from, err := l.channel.receive()
		if isEnd(err) {
			return l.notBooted()
		}
		if err != nil {
			return l.lost(StagePayload, "wait for the Go runtime", err)
		}
		if r.kind == replyBooted {
			from.close()
			return nil
		}
		if err := l.hear(&r, &from); err != nil {
			return err
		}
	}
}

// notBooted is for a main that did not come as far as Init.
func (l *launch) notBooted() error {
	state, err := l.kill(l.payload)
	e := &Error{Stage: StagePayload, Op: "boot the Go runtime", Err: err}
	if err == nil {
		e.Err = fmt.Errorf("it has ended before Init: %v: %s", state, l.cmd.function.tail())
		e.Hint = l.killedHint(state)
		e.killed = wasKilled(state)
	}
	return e
}

// take makes the channel the function's control, for as long as it runs.
func (f *functionCall) take(l *launch) error {
	fd, err := unix.FcntlInt(uintptr(l.channel.fd), unix.F_DUPFD_CLOEXEC, 0)
	if err != nil {
		return callerError("keep channel", "", err)
	}
	if err := unix.SetNonblock(fd, true); err != nil { // what makes an os.File use the poller
		unix.Close(fd)
		return callerError("keep channel", "", err)
	}
	f.control = os.NewFile(uintptr(fd), "function")
	f.input.Close()
	go f.watch(f.control, l.reaped(l.payload))
	return nil
}

// watch waits for the result, or for the payload's end.
func (f *functionCall) watch(control *os.File, payload *child) {
	done := hearDone(control)
	f.mu.Lock()
	f.done = done
	f.mu.Unlock()
	close(f.heard)
	select {
	case <-payload.exited:
	case <-time.After(functionGrace):
		_ = payload.process.Kill()
	}
}

// hearDone waits for the word that there is a result. Whoever has cloned the payload may say so only now, when it has
// long been running: the kernel keeps apart what different processes say (SO_PASSCRED).
func hearDone(control *os.File) bool {
	var said [replySize]byte
	for {
		n, err := control.Read(said[:])
		switch {
		case errors.Is(err, unix.EAGAIN): // there was no room for it in the poller (epoll(7), max_user_watches)
			_, _ = unix.Poll([]unix.PollFd{{Fd: int32(control.Fd()), Events: unix.POLLIN}}, -1)
		case n != replySize:
			return n == 1 && said[0] == doneByte
		}
	}
}

// cancel ends the function's context.
func (f *functionCall) cancel() error {
	f.mu.Lock()
	defer f.mu.Unlock()
	if f.control == nil || f.done {
		return os.ErrProcessDone
	}
	_, err := f.control.Write([]byte{cancelByte})
	if errors.Is(err, unix.EPIPE) || errors.Is(err, os.ErrClosed) {
		return os.ErrProcessDone
	}
	return err
}
