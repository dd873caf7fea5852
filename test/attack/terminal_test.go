//go:build linux && cgo

package attack

import (
	"strings"
	"syscall"
	"testing"
	"time"

	"nsexec/internal/testutil"
	"nsexec/nsenter"
)

// addTerminal gives a payload a terminal of its own.
func (c *caller) addTerminal(cmd *nsenter.Cmd) error {
	if !c.Session {
		return nil
	}
	_, screen, err := testutil.PTY() // kept: the payload's would hang up
	cmd.Stdin, cmd.Setsid, cmd.Setctty = screen, true, true
	return err
}

// The caller sits at a terminal; the payload is given another, and a session of its own.
func TestTerminal(t *testing.T) {
	a := attack{
		name: "type on the caller's terminal (payload with Setsid and a pty)", cve: "CVE-2017-5226",
		weak: []string{"session"}, tool: true, try: useTerminal,
	}
	a.run(t)
}

func useTerminal(t *testing.T, s *scene) string {
	keyboard, screen, err := testutil.PTY()
	if err != nil {
		t.Fatal(err)
	}
	defer keyboard.Close()
	defer screen.Close()
	cmd := s.command(orders{Program: []string{"/evil", "keys"}, Joins: 2, Session: true})
	cmd.Stdin = screen
	cmd.SysProcAttr = &syscall.SysProcAttr{Setsid: true, Setctty: true}
	told := s.run(t, cmd)
	told.wantAll(t, 2)
	if !told.says("done") {
		t.Errorf("the payload said %q", told.Said)
	}
	_ = keyboard.SetReadDeadline(time.Now().Add(100 * time.Millisecond))
	shown := make([]byte, 1024)
	n, _ := keyboard.Read(shown) // nothing, mostly
	if n > 0 {
		return "on the caller's terminal: " + strings.TrimSpace(string(shown[:n]))
	}
	return ""
}
