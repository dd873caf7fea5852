//go:build linux && cgo

package main

import (
	"fmt"

	"golang.org/x/sys/unix"

	"nsexec/ns"
)

// tryKillCaller: whatever was on its way must be gone.
func (d *driver) tryKillCaller(r *record) (complaint string, err error) {
	result, err := d.start(r, ample)
	if err == nil { // it was not got to: its launcher had nothing to do any more
		return d.settle(&result, "")
	}
	d.caller.end()
	complaint = eventually(d.orphaned)
	d.killOrphans()
	if !d.target.runs() {
		complaint = first(complaint, "the target is gone")
	}
	return complaint, d.startCaller()
}

// tryKillTarget: Start says so, if it notices; a payload that has started may be killed with the target.
func (d *driver) tryKillTarget(r *record) (complaint string, err error) {
	result, err := d.start(r, ample)
	switch {
	case err != nil:
		complaint = fmt.Sprintf("Start does not return: %v", err)
	case result.Took > ample+overtime:
		complaint = returnedLate
	case result.Failure != nil && (!result.Failure.Whole || !result.Failure.Gone):
		complaint = fmt.Sprintf("%q is no ErrProcessGone", result.Failure.Text)
	case result.Failure == nil && d.scenario.Join&ns.PID != 0 && r.hit != nil && !r.isAhead():
		complaint = "succeeded, in the pid namespace of the dead"
		if !r.isOutlived {
			complaint = tooLate + "the target was killed"
		}
	}
	if err == nil {
		_, err = d.caller.order(order{End: true})
		complaint = first(complaint, eventually(d.leftBehind))
	}
	if r.hit == nil && err == nil {
		return complaint, nil
	}
	return complaint, d.renew()
}

// isAhead tells whether the payload is on its own by now, and may execute before the target is dead.
func (r *record) isAhead() bool { return r.hit.Phase == Ready || r.hasCloned(r.hit) }

func (d *driver) orphaned() string {
	for _, pid := range d.orphans() {
		return "orphan " + title(pid)
	}
	return ""
}

// killOrphans makes room for the next case, whatever this one has left.
func (d *driver) killOrphans() {
	if eventually(d.orphaned) == "" {
		return
	}
	for _, pid := range d.orphans() {
		_ = unix.Kill(pid, unix.SIGKILL)
	}
	_ = eventually(d.orphaned)
}
