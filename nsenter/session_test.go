//go:build linux && cgo

package nsenter_test

import (
	"errors"
	"strings"
	"syscall"
	"testing"

	"nsexec/internal/testutil"
	"nsexec/ns"
	"nsexec/nsenter"
)

// sayTerminal is a shell's program: its pid, session and terminal, and whether it can open that.
const sayTerminal = `read pid comm state parent group session terminal rest </proc/self/stat
echo $pid $session $terminal; if (: >/dev/tty) 2>/dev/null; then echo has a terminal; fi`

func TestSetsid(t *testing.T) {
	baseline(t)
	everywhere(t, func(t *testing.T, set *ns.Set) {
		cmd := nsenter.Command(set, "/bin/sh", "-c", sayTerminal)
		cmd.Setsid = true
		fields := strings.Fields(says(t, cmd))
		if len(fields) != 3 || fields[0] != fields[1] || fields[2] != "0" {
			t.Errorf("pid, session and terminal are %v", fields)
		}
	})
}

func TestSetctty(t *testing.T) {
	baseline(t)
	keyboard, screen, err := testutil.PTY()
	if err != nil {
		t.Fatal(err)
	}
	defer keyboard.Close()
	defer screen.Close()
	everywhere(t, func(t *testing.T, set *ns.Set) {
		cmd := nsenter.Command(set, "/bin/sh", "-c", sayTerminal)
		cmd.Stdin, cmd.Setsid, cmd.Setctty = screen, true, true
		if said := says(t, cmd); !strings.Contains(said, "has a terminal") {
			t.Errorf("it has no terminal: %s", said)
		}
	})
}

func TestSetcttyRefused(t *testing.T) {
	cmd := nsenter.Command(nil, "/bin/true")
	cmd.Setctty = true
	if err := cmd.Run(); err == nil || !strings.Contains(err.Error(), "it takes Setsid") {
		t.Errorf("Setctty without Setsid: %v", err)
	}
	cmd = nsenter.Command(nil, "/bin/true")
	cmd.Setsid, cmd.Setctty = true, true // and stdin is /dev/null
	var e *nsenter.Error
	if err := cmd.Run(); !errors.As(err, &e) || e.Op != "set terminal" || e.Errno != syscall.ENOTTY {
		t.Errorf("Setctty without a terminal: %v", err)
	}
}
