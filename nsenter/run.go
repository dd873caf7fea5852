package nsenter

import (
	"bytes"
	"errors"
	"fmt"
	"os/exec"
)

// errAlreadySet is for a stream that two are to be connected to.
var errAlreadySet = errors.New("already set")

// Run starts the payload and waits for it. The error is nil if it ran and
// exited with status 0, an [*exec.ExitError] if it ran and did not, an [*Error]
// if it did not run.
func (c *Cmd) Run() error {
	c.runs = true
	if err := c.Start(); err != nil {
		return err
	}
	return c.Wait()
}

// Output runs the payload and returns its stdout. If it fails and Stderr was
// nil, the ExitError holds the beginning and the end of its stderr.
func (c *Cmd) Output() ([]byte, error) {
	if c.Stdout != nil {
		return nil, &Error{Op: "capture", Path: "stdout", Err: errAlreadySet}
	}
	var stdout bytes.Buffer
	var stderr *excerpt
	c.Stdout = &stdout
	if c.Stderr == nil {
		stderr = &excerpt{}
		c.Stderr = stderr
	}
	err := c.Run()
	var exit *exec.ExitError
	if stderr != nil && errors.As(err, &exit) {
		exit.Stderr = stderr.Bytes()
	}
	return stdout.Bytes(), err
}

// CombinedOutput runs the payload and returns its stdout and stderr together.
func (c *Cmd) CombinedOutput() ([]byte, error) {
	if c.Stdout != nil {
		return nil, &Error{Op: "capture", Path: "stdout", Err: errAlreadySet}
	}
	if c.Stderr != nil {
		return nil, &Error{Op: "capture", Path: "stderr", Err: errAlreadySet}
	}
	var both bytes.Buffer
	c.Stdout, c.Stderr = &both, &both
	err := c.Run()
	return both.Bytes(), err
}

// excerptSize is how much of a beginning, and of an end, an excerpt keeps: 32 KiB.
const excerptSize = 32 << 10

// excerpt is a writer that keeps the beginning and the end of what it is given.
type excerpt struct {
	head, tail []byte
	omitted    int64
}

func (e *excerpt) Write(p []byte) (int, error) {
	n := min(len(p), excerptSize-len(e.head))
	e.head = append(e.head, p[:n]...)
	e.tail = append(e.tail, p[n:]...)
	if extra := len(e.tail) - excerptSize; extra > 0 {
		e.omitted += int64(extra)
		e.tail = append(e.tail[:0], e.tail[extra:]...)
	}
	return len(p), nil
}

// Bytes is what was kept, with a line that counts what was not.
func (e *excerpt) Bytes() []byte {
	all := bytes.Clone(e.head)
	if e.omitted > 0 {
		all = fmt.Appendf(all, "\n... omitting %d bytes ...\n", e.omitted)
	}
	return append(all, e.tail...)
}
