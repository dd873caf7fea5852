package nsenter

import (
	"context"
	"errors"
	"os"
	"strings"
	"time"
)

// defaultStartTimeout is what a StartTimeout of zero means.
const defaultStartTimeout = 30 * time.Second

// Start runs the payload and returns as soon as its program is executing, or
// has failed to. Everything that it started is gone when it returns an error, or
// ends as soon as it can: a cgroup of version 1 that is frozen, or a tracer, keeps
// what has been killed, and what a slow launcher clones late ends by itself.
func (c *Cmd) Start() error {
	if c.started.Swap(true) {
		return &Error{Op: "start", Path: c.Path, Err: errors.New("already started")}
	}
	running := false
	defer func() { // also when BeforeExec panics
		if !running {
			c.stdio.abandon()
			c.function.close()
			c.Process = nil
		}
	}()
	if err := c.start(); err != nil {
		return err
	}
	running = true
	closeAll(c.stdio.theirs)
	c.copies = c.stdio.startCopies()
	c.watchContext()
	return nil
}

func (c *Cmd) start() error {
	if c.Err != nil {
		return c.Err
	}
	if err := Available(); err != nil {
		return err
	}
	if err := c.check(); err != nil {
		return err
	}
	env, err := c.environ()
	if err != nil {
		return err
	}
	files, err := c.files()
	if err != nil {
		return err
	}
	if files, err = c.prepareFunction(files, env); err != nil {
		return err
	}
	if err := checkOpen(append(files, c.Root, c.WorkDir)); err != nil {
		return err
	}
	return c.launch(files, env)
}

// checkOpen refuses files that have been closed: they have no number to pass.
func checkOpen(files []*os.File) error {
	for _, f := range files {
		if f != nil && f.Fd() == ^uintptr(0) {
			return callerError("pass file", f.Name(), os.ErrClosed)
		}
	}
	return nil
}

// check refuses what could only fail later, or worse, mean something else.
func (c *Cmd) check() error {
	if c.function != nil && !functionsInited() {
		return callerError("start function", c.function.fn.name, errNoInit)
	}
	if c.Path == "" {
		return callerError("start", "", errors.New("no program"))
	}
	if c.ctx == nil && c.Cancel != nil {
		return callerError("start", c.Path, errors.New("has Cancel but no context"))
	}
	if c.ctx != nil && c.ctx.Err() != nil {
		return callerError("start", c.Path, c.ctx.Err())
	}
	if c.Setctty && !c.Setsid {
		return callerError("set terminal", "", errors.New("it takes Setsid"))
	}
	if err := c.Credential.check(); err != nil {
		return err
	}
	return c.checkNUL()
}

// checkNUL refuses strings that would end early in C. The environment's are refused where it is made.
func (c *Cmd) checkNUL() error {
	for _, s := range []struct{ op, text string }{
		{"find program", c.Path},
		{"enter directory", c.Dir},
		{"set host name", c.New.Hostname},
		{"set domain name", c.New.Domainname},
		{"set ProcDir", c.New.ProcDir},
	} {
		if strings.IndexByte(s.text, 0) >= 0 {
			return holdsNUL(s.op, s.text)
		}
	}
	for _, arg := range c.Args {
		if strings.IndexByte(arg, 0) >= 0 {
			return holdsNUL("pass argument", arg)
		}
	}
	return nil
}

func holdsNUL(op, s string) *Error {
	return &Error{Op: op, Path: s, Errno: errnoInvalid, Hint: "it holds a NUL"}
}

func (c *Cmd) context() context.Context {
	if c.ctx != nil {
		return c.ctx
	}
	return context.Background()
}

// startDeadline is when a part of Start that begins now must be over; zero: never.
func (c *Cmd) startDeadline() time.Time {
	switch {
	case c.StartTimeout < 0:
		return time.Time{}
	case c.StartTimeout == 0:
		return time.Now().Add(defaultStartTimeout)
	}
	return time.Now().Add(c.StartTimeout)
}
