//go:build linux && cgo

package main

import (
	"fmt"
	"strings"
	"time"

	"golang.org/x/sys/unix"

	"nsexec/internal/procfs"
)

const (
	ample    = 5 * time.Second        // what a Start is given that is not to be stopped
	scarce   = 150 * time.Millisecond // and one that is
	overtime = 200 * time.Millisecond // how much later than its deadline a Start may return
)

// start has the caller start a payload, and keeps a record of that.
func (d *driver) start(r *record, timeout time.Duration) (result outcome, err error) {
	s := d.caller.supervisor
	s.watch(r)
	defer s.watch(nil)
	if result, err = d.caller.order(order{Start: timeout}); err == nil && result.Failure == nil {
		s.awaitRest()
	}
	return result, err
}

func (d *driver) newRecord(f *fault) *record {
	return newRecord(d.scenario, d.caller.pid, d.caller.launcher, f)
}

// plain starts a payload that nothing happens to, for the record.
func (d *driver) plain(r *record) (complaint string) {
	result, err := d.start(r, ample)
	if err != nil {
		return fmt.Sprintf("the caller does not answer: %v", err)
	}
	if result.Failure != nil {
		return result.Failure.Text
	}
	return d.finish(&result)
}

// finish checks where a payload is that has started, and ends it.
func (d *driver) finish(started *outcome) (complaint string) {
	inodes, err := map[string]uint64(nil), error(nil)
	if !d.scenario.Function {
		if inodes, err = inodesOf(procOf(started.PID)); err != nil {
			return err.Error()
		}
	}
	ended, err := d.caller.order(order{End: true})
	switch {
	case err != nil:
		return fmt.Sprintf("the caller does not answer: %v", err)
	case ended.Failure != nil:
		return "Wait: " + ended.Failure.Text
	}
	if d.scenario.Function {
		inodes = ended.Inodes
	}
	return d.misplaced(inodes)
}

// learn runs the scenario, and returns the calls that it always makes.
func (d *driver) learn() ([]call, error) {
	var runs [][]call
	for range 3 {
		r := d.newRecord(nil)
		if complaint := d.plain(r); complaint != "" {
			return nil, fmt.Errorf("learn: %s", complaint)
		}
		if complaint := eventually(d.leftBehind); complaint != "" && !isLate(complaint) {
			return nil, fmt.Errorf("learn: %s", complaint)
		}
		runs = append(runs, r.calls)
	}
	return learned(runs), nil
}

// try has one thing go wrong, and returns what was not as it has to be.
func (d *driver) try(f *fault) (complaint string, err error) {
	timeout := ample
	if f.Kind == Stop {
		timeout = scarce
	}
	defer func(usual time.Duration) { settleTime = usual }(settleTime)
	for range tries {
		r := d.newRecord(f)
		switch f.Kind {
		case KillCaller:
			complaint, err = d.tryKillCaller(r)
		case KillTarget:
			complaint, err = d.tryKillTarget(r)
		default:
			complaint, err = d.tryOnce(r, timeout)
		}
		isBusy := isLate(complaint) || complaint != "" && f.Kind == Stop || strings.Contains(complaint, isSlow)
		if err != nil || r.hit != nil && !isBusy {
			return complaint, err
		}
		timeout, settleTime = 2*timeout, 2*settleTime // the machine was busy
	}
	return first(complaint, notReached), nil
}

// notReached is no complaint of a caller's call: what Go keeps, it does not open each time.
const notReached = "never got there"

// isSlow is in the error of a Start that has killed what is not dead 100 ms later.
const isSlow = "not to be waited for"

const returnedLate = tooLate + "Start has returned"

func (d *driver) tryOnce(r *record, timeout time.Duration) (complaint string, err error) {
	result, err := d.start(r, timeout)
	if err != nil {
		return fmt.Sprintf("Start does not return: %v", err), d.renew()
	}
	if result.Took > timeout+overtime {
		complaint = returnedLate
	}
	if r.hit != nil && complaint == "" {
		complaint = judge(d.scenario, r, &result)
	}
	return d.settle(&result, complaint)
}

// settle ends what has started, and looks at what is left.
func (d *driver) settle(result *outcome, complaint string) (string, error) {
	switch {
	case result.Failure == nil:
		complaint = first(complaint, d.finish(result))
	case d.scenario.Launcher == fresh:
		if _, err := d.caller.order(order{End: true}); err != nil {
			complaint = first(complaint, err.Error())
		}
	}
	complaint = first(complaint, d.recover())
	complaint = first(complaint, eventually(d.leftBehind))
	if !d.target.runs() {
		complaint = first(complaint, "the target is gone")
	}
	if complaint == "" || isLate(complaint) {
		return complaint, nil
	}
	return complaint, d.renew()
}

// recover has a launcher that is gone started again. One that is stopped goes on: it was not needed any more.
func (d *driver) recover() (complaint string) {
	if d.scenario.Launcher != launched {
		return ""
	}
	_ = unix.Kill(d.caller.launcher, unix.SIGCONT)
	if isAlive(d.caller.launcher) {
		return ""
	}
	if complaint := d.plain(d.newRecord(nil)); complaint != "" {
		return "afterwards: " + complaint
	}
	_ = eventually(func() string {
		if len(procfs.Children(d.caller.pid)) != 1 {
			return "not alone"
		}
		return ""
	})
	d.findLauncher()
	return ""
}

func first(complaints ...string) string {
	for _, complaint := range complaints {
		if complaint != "" {
			return complaint
		}
	}
	return ""
}
