package nsenter

import (
	"errors"
	"fmt"
	"os"
	"time"
)

// Wait waits for the payload to exit and for Stdin, Stdout and Stderr to be
// copied. Its errors are those of os/exec: nil, an [*exec.ExitError], a
// context's error, [exec.ErrWaitDelay], an error of copying; and
// [*LostStatusError].
func (c *Cmd) Wait() error {
	if c.Process == nil {
		return errors.New("nsenter: wait: not started")
	}
	if c.child == nil {
		return errors.New("nsenter: wait: already called")
	}
	state, err := c.child.wait()
	defer c.child.free()
	c.child = nil
	c.awaitStages()
	returned := c.function.end()
	var lost *LostStatusError
	var success WaitStatus // a number, but on Windows
	switch {
	case c.Process.Pid < 0: // released: where the library has no pidfd, it learns how it ended all the same
		err = os.NewSyscallError("wait", errnoInvalid)
	case err == nil:
		c.ProcessState = state
		if !returned {
			err = exitError(state)
		}
	case errors.As(err, &lost) && (returned || lost.Known && lost.Status == success):
		err = nil
	}
	return c.finish(err)
}

// awaitStages lets nobody see a zombie after Wait: a stage exits right after its
// clone. A debugger that holds it holds nothing else up.
func (c *Cmd) awaitStages() {
	for _, stage := range c.stages {
		if stage.endsWithin(time.Second) {
			stage.free()
		}
	}
}

// finish adds to how the payload ended what else went wrong: the earlier counts.
func (c *Cmd) finish(err error) error {
	var timer *time.Timer
	if c.watch != nil {
		watched := <-c.watch
		timer = watched.timer
		if err == nil {
			err = watched.err
		}
	}
	if copyErr := c.awaitCopies(timer); err == nil {
		err = copyErr
	}
	closeAll(c.stdio.ours)
	return err
}

// watchResult is what became of the context's watch.
type watchResult struct {
	err   error
	timer *time.Timer // runs out WaitDelay after the context was done
}

// watchContext cancels the payload when the context is done. Its result is
// taken by Wait, once the payload has exited.
func (c *Cmd) watchContext() {
	if c.ctx == nil || c.ctx.Done() == nil {
		return
	}
	c.watch = make(chan watchResult)
	go func() {
		select {
		case c.watch <- watchResult{}:
		case <-c.ctx.Done():
			c.cancel()
		}
	}()
}

// cancel calls Cancel, and kills the payload if it is still there WaitDelay later.
func (c *Cmd) cancel() {
	result := watchResult{err: c.callCancel()}
	if c.WaitDelay == 0 {
		c.watch <- result
		return
	}
	result.timer = time.NewTimer(c.WaitDelay)
	select {
	case c.watch <- result: // it has exited; the timer goes on for the copies
	case <-result.timer.C:
		c.watch <- watchResult{err: c.giveUp(result.err)}
	}
}

// callCancel returns what Wait is to report: the context's error if the
// payload was cancelled, nil if it had exited already.
func (c *Cmd) callCancel() error {
	if c.Cancel == nil {
		return nil
	}
	err := c.Cancel()
	switch {
	case err == nil:
		return c.ctx.Err()
	case errors.Is(err, os.ErrProcessDone):
		return nil
	}
	return fmt.Errorf("nsenter: cancel payload: %w", err)
}

// giveUp kills the payload and ends the copying. If it had exited before, and
// its streams are what has not ended, that is exec.ErrWaitDelay.
func (c *Cmd) giveUp(err error) error {
	killErr := c.Process.Kill()
	if killErr != nil && !errors.Is(killErr, os.ErrProcessDone) && err == nil {
		err = fmt.Errorf("nsenter: kill payload: %w", killErr)
	}
	if c.copies == nil {
		return err
	}
	cutErr := c.cutCopies()
	c.copies = nil
	if err == nil {
		err = cutErr
	}
	return err
}
