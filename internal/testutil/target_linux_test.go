package testutil

import (
	"os"
	"strconv"
	"strings"
	"syscall"
	"testing"

	"golang.org/x/sys/unix"
)

func TestTargetHasItsOwnNamespaces(t *testing.T) {
	for name, bit := range TypeBits {
		t.Run(name, func(t *testing.T) { checkOwn(t, Target(t, bit)) })
	}
	t.Run("all", func(t *testing.T) { checkOwn(t, Target(t, AllTypes)) })
	t.Run("privileged", func(t *testing.T) { checkOwn(t, Target(t, PrivilegedTypes)) })
	t.Run("forked", func(t *testing.T) {
		if os.Geteuid() == 0 {
			checkOwn(t, forked(t, unix.CLONE_NEWTIME|unix.CLONE_NEWPID))
		}
		checkOwn(t, forked(t, AllTypes))
	})
	t.Run("none", func(t *testing.T) { checkOwn(t, Target(t, 0)) })
}

// Its parent is killed, and it ends by itself then: it is in no pid namespace that would end with its first process.
func TestKillEndsForkedTarget(t *testing.T) {
	for range 20 {
		p := forked(t, AllTypes&^unix.CLONE_NEWPID)
		p.Kill()
		if !IsGone(p.PID) {
			t.Fatal("it still runs")
		}
	}
}

// checkOwn compares a target's namespaces with ours: those it claims are its own, the others are ours.
func checkOwn(t *testing.T, p *Proc) {
	t.Helper()
	ours := Namespaces(t, os.Getpid())
	for name, inode := range Namespaces(t, p.PID) {
		if own := p.Types&TypeBits[name] != 0; own == (inode == ours[name]) {
			t.Errorf("%s: target has %d, we have %d, its own wanted: %v", name, inode, ours[name], own)
		}
	}
}

func TestTargetIsPID1OfItsNamespace(t *testing.T) {
	p := Target(t, unix.CLONE_NEWPID)
	if pids := statusOf(t, p.PID, "NSpid"); pids[len(pids)-1] != "1" || pids[0] != strconv.Itoa(p.PID) {
		t.Errorf("NSpid is %v", pids)
	}
}

func TestTargetIsRootOfItsUserNamespace(t *testing.T) {
	p := Target(t, AllTypes)
	uid := strconv.Itoa(os.Geteuid())
	if Who() == Root {
		uid = "100000"
	}
	if got := statusOf(t, p.PID, "Uid"); got[1] != uid {
		t.Errorf("euid is %s, want %s", got[1], uid)
	}
	if got := statusOf(t, p.PID, "CapEff"); strings.Trim(got[0], "0") == "" {
		t.Errorf("no capabilities: %s", got[0])
	}
}

func TestKillReaps(t *testing.T) {
	p := Target(t, AllTypes)
	p.Kill()
	if err := syscall.Kill(p.PID, 0); err != syscall.ESRCH {
		t.Errorf("target is still there: %v", err)
	}
}

// statusOf returns the fields of a line of /proc/PID/status.
func statusOf(t *testing.T, pid int, key string) []string {
	t.Helper()
	text, err := os.ReadFile("/proc/" + strconv.Itoa(pid) + "/status")
	if err != nil {
		t.Fatal(err)
	}
	for line := range strings.Lines(string(text)) {
		if rest, ok := strings.CutPrefix(line, key+":"); ok {
			return strings.Fields(rest)
		}
	}
	t.Fatalf("no %s in the status of %d", key, pid)
	return nil
}
