//go:build linux && cgo

package attack

import (
	"bytes"
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"io"
	"os"
	"os/exec"
	"strconv"
	"strings"
	"time"

	"golang.org/x/sys/unix"

	"nsexec/ns"
	"nsexec/nsenter"
)

// caller is the program that enters, and what it enters by.
type caller struct {
	orders
	set      *ns.Set
	launcher *nsenter.Launcher
	tidings  tidings
	held     bool // a payload did not even come to its program
}

// waitDelay bounds the wait for what an attacker keeps open.
const waitDelay = 5 * time.Second

func beCaller(text string) int {
	c := &caller{tidings: tidings{Errors: map[string]int{}}}
	err := json.Unmarshal([]byte(text), &c.orders)
	if err == nil {
		err = c.work()
	}
	if err == nil {
		err = json.NewEncoder(os.Stdout).Encode(&c.tidings)
	}
	if err != nil {
		fmt.Fprintln(os.Stderr, err)
		return 1
	}
	return 0
}

func (c *caller) work() (err error) {
	if c.Joins > 0 {
		c.set, err = ns.OfPID(c.PID, ns.All)
	}
	if err != nil {
		return err
	}
	if c.Unlinked {
		if err := unlinkSelf(); err != nil {
			return err
		}
	}
	if err := c.leaveStrays(); err != nil {
		return err
	}
	if err := c.startLauncher(); err != nil {
		return err
	}
	if c.MoveTo != "" {
		if err := os.Chdir(c.MoveTo); err != nil {
			return err
		}
	}
	if c.Beside {
		c.joinBeside()
		return nil
	}
	for i := range c.Joins {
		c.join(i)
	}
	if c.Wait {
		fmt.Println(c.tidings.PID)
		_, err = io.Copy(io.Discard, os.Stdin)
	}
	return err
}

func unlinkSelf() error {
	path, err := os.Executable()
	if err != nil {
		return err
	}
	return os.Remove(path)
}

// leaveStrays opens what a caller should not have open, as careless libraries do.
func (c *caller) leaveStrays() error {
	for i := 0; c.StrayFrom != "" && i < 50; i++ {
		if _, err := unix.Open(c.StrayFrom, unix.O_RDONLY, 0); err != nil {
			return err
		}
	}
	return nil
}

func (c *caller) startLauncher() (err error) {
	if c.Way != launched {
		return nil
	}
	if c.launcher, err = nsenter.NewLauncher(); err != nil {
		return err
	}
	c.tidings.PID = onlyLauncher()
	return nil
}

// onlyLauncher is the pid of this process's only child.
func onlyLauncher() (pid int) {
	tasks, _ := os.ReadDir("/proc/self/task")
	for _, task := range tasks {
		text, _ := os.ReadFile("/proc/self/task/" + task.Name() + "/children")
		if n, err := strconv.Atoi(strings.TrimSpace(string(text))); err == nil {
			pid = n
		}
	}
	return pid
}

func (c *caller) join(i int) {
	var err error
	var out bytes.Buffer
	if c.Way == nsenter1 {
		err = c.joinByTool(i, &out)
	} else {
		err = c.joinByLibrary(i, &out)
	}
	c.tidings.say(out.String())
	if err == nil {
		c.tidings.Started++
		return
	}
	var e *nsenter.Error
	c.held = c.held || errors.As(err, &e)
	c.tidings.Errors[err.Error()]++
}

func (c *caller) bound() time.Duration {
	if c.Timeout > 0 {
		return time.Duration(c.Timeout) * 2 * time.Second
	}
	return time.Minute
}

// cmd is bounded as a whole: a target may stop its program for ever.
func (c *caller) cmd() (cmd *nsenter.Cmd, done func()) {
	ctx, done := context.WithTimeout(context.Background(), c.bound())
	if c.launcher != nil {
		return c.launcher.CommandContext(ctx, c.set, c.Program[0], c.Program[1:]...), done
	}
	return nsenter.CommandContext(ctx, c.set, c.Program[0], c.Program[1:]...), done
}

func (c *caller) joinByLibrary(i int, out *bytes.Buffer) error {
	cmd, done := c.cmd()
	defer done()
	cmd.Stdout, cmd.Dir, cmd.WaitDelay = out, c.Dir, waitDelay
	cmd.Env = append([]string{"PATH=/bin"}, c.Env...)
	cmd.StartTimeout = time.Duration(c.Timeout) * time.Second
	if c.UID > 0 && i%2 == 1 {
		cmd.Credential = &nsenter.Credential{UID: c.UID, GID: c.UID}
	}
	if c.MountProc != "" {
		cmd.Unshare = ns.Mount | ns.PID
		cmd.New.MountProc, cmd.New.ProcDir = true, c.MountProc
	}
	if err := c.addTerminal(cmd); err != nil {
		return err
	}
	if c.Watch || c.Pause && i%4 < 2 {
		cmd.BeforeExec = c.look
	}
	return cmd.Run()
}

// look is what an owner of all rights sees of a payload on its way, and what gives an attacker time.
func (c *caller) look(pid int) error {
	if c.Pause {
		time.Sleep(5 * time.Millisecond)
	}
	if !c.Watch {
		return nil
	}
	environ, _ := os.ReadFile(fmt.Sprintf("/proc/%d/environ", pid)) // which nobody else may read
	for _, text := range []string{"hunter2", "_NSENTER_PIPE"} {
		if bytes.Contains(environ, []byte(text)) {
			c.tidings.Seen = addOnce(c.tidings.Seen, text)
		}
	}
	return nil
}

func (c *caller) joinByTool(i int, out *bytes.Buffer) error {
	arg := []string{"-t", strconv.Itoa(c.PID), "-a"}
	if c.UID > 0 && i%2 == 1 {
		arg = append(arg, "-S", strconv.Itoa(c.UID), "-G", strconv.Itoa(c.UID))
	}
	if c.Dir != "" {
		arg = append(arg, "--wd="+c.Dir)
	}
	cmd := exec.Command(c.Tool, append(arg, c.Program...)...)
	cmd.Env = append([]string{"PATH=/bin"}, c.Env...)
	cmd.Stdout, cmd.WaitDelay = out, waitDelay
	return cmd.Run()
}
