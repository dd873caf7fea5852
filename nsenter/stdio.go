package nsenter

import (
	"errors"
	"io"
	"io/fs"
	"os"
	"os/exec"
	"time"
)

// plumbing is what connects a payload's stdin, stdout and stderr with the
// caller's readers and writers.
type plumbing struct {
	theirs []io.Closer    // the payload's ends: closed once it has them
	ours   []io.Closer    // the caller's ends: closed after Wait
	copies []func() error // each moves one stream until its end
}

func closeAll(closers []io.Closer) {
	for _, c := range closers {
		c.Close()
	}
}

// abandon closes everything, after a Start that failed.
func (p *plumbing) abandon() {
	closeAll(p.theirs)
	closeAll(p.ours)
	*p = plumbing{}
}

// pipe makes one; end says which end the payload gets.
func (p *plumbing) pipe(end func(r, w *os.File) (theirs, ours *os.File)) (theirs, ours *os.File, err error) {
	r, w, err := os.Pipe()
	if err != nil {
		return nil, nil, callerError("make pipe", "", err)
	}
	theirs, ours = end(r, w)
	p.theirs = append(p.theirs, theirs)
	p.ours = append(p.ours, ours)
	return theirs, ours, nil
}

func payloadReads(r, w *os.File) (theirs, ours *os.File)  { return r, w }
func payloadWrites(r, w *os.File) (theirs, ours *os.File) { return w, r }

func (p *plumbing) devNull(flag int) (*os.File, error) {
	f, err := openDirectly(os.DevNull, flag)
	if err != nil {
		return nil, callerError("open", os.DevNull, err)
	}
	p.theirs = append(p.theirs, f)
	return f, nil
}

// reader is the file that the payload reads what r has from.
func (p *plumbing) reader(r io.Reader) (*os.File, error) {
	if r == nil {
		return p.devNull(os.O_RDONLY)
	}
	if f, ok := r.(*os.File); ok {
		return f, nil
	}
	theirs, ours, err := p.pipe(payloadReads)
	if err != nil {
		return nil, err
	}
	p.copies = append(p.copies, func() error {
		_, err := io.Copy(ours, r)
		if isUnread(err, ours) {
			err = nil
		}
		if closeErr := ours.Close(); err == nil {
			err = closeErr
		}
		return err
	})
	return theirs, nil
}

// isUnread tells that the payload took no more: it need not read all of its
// input. An EPIPE of the caller's own reader is something else.
func isUnread(err error, pipe *os.File) bool {
	var e *fs.PathError
	return errors.As(err, &e) && e.Op == "write" && e.Path == pipe.Name() && errors.Is(e.Err, errnoBrokenPipe)
}

// writer is the file that the payload writes to so that w gets it.
func (p *plumbing) writer(w io.Writer) (*os.File, error) {
	if w == nil {
		return p.devNull(os.O_WRONLY)
	}
	if f, ok := w.(*os.File); ok {
		return f, nil
	}
	theirs, ours, err := p.pipe(payloadWrites)
	if err != nil {
		return nil, err
	}
	p.copies = append(p.copies, func() error {
		_, err := io.Copy(w, ours)
		ours.Close() // the payload gets SIGPIPE if w failed
		return err
	})
	return theirs, nil
}

// files are the payload's fds 0 and up; a nil one is closed.
func (c *Cmd) files() ([]*os.File, error) {
	stdin, err := c.stdio.reader(c.Stdin)
	if err != nil {
		return nil, err
	}
	stdout, err := c.stdio.writer(c.Stdout)
	if err != nil {
		return nil, err
	}
	stderr := stdout // also if both are nobody's
	if !sameWriter(c.Stderr, c.Stdout) {
		if stderr, err = c.stdio.writer(c.Stderr); err != nil {
			return nil, err
		}
	}
	return append([]*os.File{stdin, stdout, stderr}, c.ExtraFiles...), nil
}

// sameWriter compares two interfaces whose types may not be comparable.
func sameWriter(a, b io.Writer) bool {
	defer func() { _ = recover() }()
	return a == b
}

// startCopies runs the copying goroutines. The channel gets the first error of
// all, or nil, once all of them have ended; there is none if there are none.
func (p *plumbing) startCopies() chan error {
	if len(p.copies) == 0 {
		return nil
	}
	each := make(chan error, len(p.copies))
	for _, run := range p.copies {
		go func() { each <- run() }()
	}
	all := make(chan error, 1)
	go func(n int) {
		var first error
		for range n {
			if err := <-each; first == nil {
				first = err
			}
		}
		all <- first
	}(len(p.copies))
	p.copies = nil
	return all
}

// awaitCopies waits for the streams to end: the payload's children may hold
// them open after it has exited, so WaitDelay, or what timer has left of it,
// bounds that.
func (c *Cmd) awaitCopies(timer *time.Timer) error {
	if timer == nil && c.WaitDelay > 0 && c.copies != nil {
		timer = time.NewTimer(c.WaitDelay)
	}
	var expired <-chan time.Time
	if timer != nil {
		defer timer.Stop()
		expired = timer.C
	}
	if c.copies == nil {
		return nil
	}
	select {
	case err := <-c.copies:
		return err
	case <-expired:
		return c.cutCopies()
	}
}

// cutCopies ends the copying. ErrWaitDelay says that it had to be ended.
func (c *Cmd) cutCopies() error {
	select {
	case err := <-c.copies:
		return err
	default:
	}
	closeAll(c.stdio.ours)
	<-c.copies //nolint:errcheck // what ends them is that their files are closed
	return exec.ErrWaitDelay
}

func (c *Cmd) checkPipe(name string, isSet bool) error {
	if isSet {
		return &Error{Op: "make " + name + " pipe", Err: errAlreadySet}
	}
	if c.started.Load() {
		return &Error{Op: "make " + name + " pipe", Err: errors.New("already started")}
	}
	return nil
}

// StdinPipe is connected to the payload's stdin. Wait closes it; who wants the
// payload to see the end earlier closes it.
func (c *Cmd) StdinPipe() (io.WriteCloser, error) {
	if err := c.checkPipe("Stdin", c.Stdin != nil); err != nil {
		return nil, err
	}
	theirs, ours, err := c.stdio.pipe(payloadReads)
	if err != nil {
		return nil, err
	}
	c.Stdin = theirs
	return ours, nil
}

// StdoutPipe is connected to the payload's stdout. Wait closes it: read all of
// it before.
func (c *Cmd) StdoutPipe() (io.ReadCloser, error) {
	if err := c.checkPipe("Stdout", c.Stdout != nil); err != nil {
		return nil, err
	}
	theirs, ours, err := c.stdio.pipe(payloadWrites)
	if err != nil {
		return nil, err
	}
	c.Stdout = theirs
	return ours, nil
}

// StderrPipe is connected to the payload's stderr. Wait closes it: read all of
// it before.
func (c *Cmd) StderrPipe() (io.ReadCloser, error) {
	if err := c.checkPipe("Stderr", c.Stderr != nil); err != nil {
		return nil, err
	}
	theirs, ours, err := c.stdio.pipe(payloadWrites)
	if err != nil {
		return nil, err
	}
	c.Stderr = theirs
	return ours, nil
}
