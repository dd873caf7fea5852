//go:build linux && cgo

package main

import (
	"encoding/json"
	"errors"
	"net"
	"os"
	"os/exec"
	"strconv"
	"time"

	"golang.org/x/sys/unix"

	"nsexec/internal/procfs"
)

// driver sweeps one scenario. It is a process of its own: the subreaper of all that a caller may leave.
type driver struct {
	scenario *scenario
	target   *target
	caller   *callerProcess
	inside   map[string]uint64 // the target's namespaces
	outside  map[string]uint64 // the caller's
}

// callerProcess is a caller under a filter, and the supervisor of that.
type callerProcess struct {
	cmd        *exec.Cmd
	pid        int
	launcher   int // its pid, or zero
	control    *net.UnixConn
	orders     *json.Encoder
	outcomes   *json.Decoder
	supervisor *supervisor
	base       holdings
}

func newDriver(s *scenario) (d *driver, err error) {
	if err := unix.Prctl(unix.PR_SET_CHILD_SUBREAPER, 1, 0, 0, 0); err != nil {
		return nil, os.NewSyscallError("prctl", err)
	}
	d = &driver{scenario: s}
	if d.outside, err = inodesOf("/proc/self"); err != nil {
		return nil, err
	}
	return d, d.open()
}

// renew replaces target and caller: the target must end as others do. Where it was late, the next one must.
func (d *driver) renew() error {
	defer func(usual time.Duration) { settleTime = usual }(settleTime)
	for range tries {
		isLate, err := d.close()
		if err == nil {
			err = d.open()
		}
		if err != nil || !isLate {
			return err
		}
		settleTime *= 2
	}
	return errors.New("targets have been killed, and were not gone in time")
}

func (d *driver) open() (err error) {
	if d.target, err = d.scenario.newTarget(); err != nil {
		return err
	}
	if d.inside, err = inodesOf(procOf(d.target.pid)); err != nil {
		return err
	}
	return d.startCaller()
}

func (d *driver) close() (isLate bool, err error) {
	d.caller.end()
	d.killOrphans()
	return d.target.kill()
}

// startCaller returns when it is warm.
func (d *driver) startCaller() (err error) {
	c := &callerProcess{cmd: d.scenario.self("shim", d.scenario.Name, strconv.Itoa(d.target.pid))}
	ours, theirs, err := newControl()
	if err != nil {
		return err
	}
	defer theirs.Close()
	c.control, c.orders, c.outcomes = ours, json.NewEncoder(ours), json.NewDecoder(ours)
	c.cmd.ExtraFiles = []*os.File{theirs}
	if err := c.cmd.Start(); err != nil {
		return err
	}
	c.pid = c.cmd.Process.Pid
	listener, err := takeListener(c.cmd.Process)
	if err != nil {
		c.end()
		return err
	}
	c.supervisor = supervise(listener, c.pid, d.target.pid)
	d.caller = c
	return d.warmUp()
}

// warmUp has the caller open what it opens once and keeps on purpose.
func (d *driver) warmUp() error {
	for range 3 {
		if complaint := d.plain(d.newRecord(nil)); complaint != "" {
			return errors.New("warm up: " + complaint)
		}
	}
	d.findLauncher()
	if complaint := eventually(d.unsettled); complaint != "" && !isLate(complaint) {
		return errors.New("warm up: " + complaint)
	}
	return nil
}

// unsettled has no complaint once the caller has held the same for a while: what has just ended is still being given up.
func (d *driver) unsettled() (complaint string) {
	const aWhile = 5
	d.caller.base = d.caller.holdings()
	for range aWhile {
		time.Sleep(time.Millisecond)
		if complaint := d.leftBehind(); complaint != "" {
			return complaint
		}
	}
	return ""
}

// findLauncher: when nothing runs it is the caller's only child.
func (d *driver) findLauncher() {
	if d.scenario.Launcher != launched {
		return
	}
	if children := procfs.Children(d.caller.pid); len(children) > 0 {
		d.caller.launcher = children[0]
	}
}

func newControl() (*net.UnixConn, *os.File, error) {
	fds, err := unix.Socketpair(unix.AF_UNIX, unix.SOCK_STREAM|unix.SOCK_CLOEXEC, 0)
	if err != nil {
		return nil, nil, os.NewSyscallError("socketpair", err)
	}
	ours, theirs := os.NewFile(uintptr(fds[0]), "control"), os.NewFile(uintptr(fds[1]), "control")
	defer ours.Close()
	conn, err := net.FileConn(ours)
	if err != nil {
		theirs.Close()
		return nil, nil, err
	}
	return conn.(*net.UnixConn), theirs, nil
}

// patience is how long beyond its deadline a Start is waited for, before that is called a hang.
const patience = 10 * time.Second

func (c *callerProcess) order(o order) (result outcome, err error) {
	if err := c.control.SetDeadline(time.Now().Add(o.Start + patience)); err != nil {
		return result, err
	}
	if err := c.orders.Encode(o); err != nil {
		return result, err
	}
	err = c.outcomes.Decode(&result)
	return result, err
}

// end ends it however it is. A launcher of its own ends by itself.
func (c *callerProcess) end() {
	_ = c.cmd.Process.Kill()
	_ = c.cmd.Wait()
	c.control.Close()
}
