//go:build linux && cgo

package nsenter_test

import (
	"context"
	"errors"
	"os"
	"os/exec"
	"syscall"
	"testing"

	"nsexec/nsenter"
)

// differences is all that is meant to differ from os/exec. Each is told at nsenter.Cmd, and each is asserted of both
// sides, so that it is known to be one. An exec that is nil needs no proof.
var differences = []struct {
	name    string
	exec    func(t *testing.T)
	nsenter func(t *testing.T)
}{
	{"a name is looked up by Start, not by Command",
		func(t *testing.T) { wantCause(t, "Err", exec.Command("no-such-program").Err, exec.ErrNotFound) },
		func(t *testing.T) {
			c := nsenter.Command(nil, "no-such-program")
			if c.Err != nil {
				t.Errorf("Err is %v before Start", c.Err)
			}
			wantCause(t, "Start", c.Start(), exec.ErrNotFound)
		}},
	{"Path stays as it was given",
		func(t *testing.T) { wantRunPath(t, throughExec, true) },
		func(t *testing.T) { wantRunPath(t, throughNsenter, false) }},
	{"the PATH is the payload's",
		func(t *testing.T) { wantCause(t, "Run", alongOwnPath(t, throughExec), exec.ErrNotFound) },
		func(t *testing.T) { wantCause(t, "Run", alongOwnPath(t, throughNsenter), nil) }},
	{"without a PATH in Env no name is found",
		func(t *testing.T) { wantCause(t, "Run", withoutPath(throughExec), nil) },
		func(t *testing.T) { wantCause(t, "Run", withoutPath(throughNsenter), exec.ErrNotFound) }},
	{"a Path without a slash is a name, also when it was set by hand",
		func(t *testing.T) { wantCause(t, "Run", pathByHand(t, throughExec), nil) },
		func(t *testing.T) { wantCause(t, "Run", pathByHand(t, throughNsenter), exec.ErrNotFound) }},
	{"a relative entry of PATH hides nothing",
		func(t *testing.T) { wantCause(t, "Run", behindDot(t, throughExec), exec.ErrDot) },
		func(t *testing.T) { wantCause(t, "Run", behindDot(t, throughNsenter), nil) }},
	{"GODEBUG=execerrdot=0 allows no relative entry",
		func(t *testing.T) { wantCause(t, "Run", dotAllowed(t, throughExec), nil) },
		func(t *testing.T) { wantCause(t, "Run", dotAllowed(t, throughNsenter), exec.ErrDot) }},
	{"ErrDot cannot be cleared",
		func(t *testing.T) { wantCause(t, "Run", dotCleared(t, throughExec), nil) },
		func(t *testing.T) { wantCause(t, "Run", dotCleared(t, throughNsenter), exec.ErrDot) }},
	{"a file that may not be executed is remembered",
		func(t *testing.T) { wantCause(t, "Run", onlyDenied(t, throughExec), exec.ErrNotFound) },
		func(t *testing.T) {
			err := onlyDenied(t, throughNsenter)
			wantCause(t, "Run", err, os.ErrPermission)
			if errors.Is(err, exec.ErrNotFound) {
				t.Errorf("%v is an ErrNotFound", err)
			}
		}},
	{"with a mount namespace, Dir \"\" is the root", nil, dirInside},
	{"a failure to start is an *Error", nil, startErrors},
	{"the payload is reaped as soon as it exits: Process.Wait is of no use, Wait is",
		func(t *testing.T) { wantWaits(t, throughExec, nil, syscall.ECHILD) },
		func(t *testing.T) { wantWaits(t, throughNsenter, syscall.ECHILD, nil) }},
	{"a Cancel that comes after the end is none",
		func(t *testing.T) { wantCause(t, "Wait", cancelLate(t, throughExec), context.Canceled) },
		func(t *testing.T) { wantCause(t, "Wait", cancelLate(t, throughNsenter), nil) }},
	{"a file that the caller has without close-on-exec is not passed on",
		func(t *testing.T) { wantLeak(t, throughExec, "leaked\n") },
		func(t *testing.T) { wantLeak(t, throughNsenter, "") }},
	{"a closed file is an error",
		func(t *testing.T) { wantCause(t, "Run", closedFile(t, throughExec), nil) },
		func(t *testing.T) {
			if err := closedFile(t, throughNsenter); err == nil {
				t.Error("a closed Stdout is none")
			}
		}},
	{"the context bounds Start", nil, contextDuringStart},
	{"there is no SysProcAttr",
		func(t *testing.T) { wantField[exec.Cmd](t, "SysProcAttr", true) },
		func(t *testing.T) { wantField[nsenter.Cmd](t, "SysProcAttr", false) }},
}

func TestParityDifferences(t *testing.T) {
	for _, d := range differences {
		t.Run(d.name, func(t *testing.T) {
			if d.exec != nil {
				t.Run("exec", d.exec)
			}
			t.Run("nsenter", d.nsenter)
		})
	}
}
