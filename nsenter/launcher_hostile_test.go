//go:build linux && cgo

package nsenter_test

import (
	"os"
	"testing"

	"nsexec/internal/testutil"
	"nsexec/ns"
	"nsexec/nsenter"
)

// A target's root needs no capability to give what he sees a higher OOM score, and the kernel keeps that alike for all
// that share memory: it must not reach the launcher, and so all that it starts later.
func TestLauncherKeepsItsOOMScore(t *testing.T) {
	testutil.NeedRoot(t)
	baseline(t)
	target := testutil.Target(t, testutil.ContainerTypes)
	set := setOf(t, target.PID, ns.Type(target.Types))
	before := procText(t, os.Getpid(), "oom_score_adj")
	raiseScores(t, set)

	launcher := newLauncher(t)
	attacked := launcher.Command(set, "/bin/true")
	attacked.BeforeExec = func(pid int) error { // or nothing is tested
		testutil.Eventually(t, "an attack on a payload", func() bool { return procText(t, pid, "oom_score_adj") != before })
		return nil
	}
	if err := attacked.Run(); err != nil {
		t.Fatal(err)
	}
	for range 200 {
		runTrue(t, launcher, set)
	}
	if got := procText(t, launcher.PID(), "oom_score_adj"); got != before {
		t.Errorf("the launcher's score is %s, was %s", got, before)
	}
}

// raiseScores has the target do so, all the time.
func raiseScores(t *testing.T, set *ns.Set) {
	t.Helper()
	attack := nsenter.Command(set, "/bin/sh", "-c",
		"echo; while :; do for p in /proc/[0-9]*; do echo 1000 >$p/oom_score_adj; done; done 2>/dev/null")
	attack.Unshare = ns.Mount
	attack.New.MountProc = true
	begun := pipe(t, attack.StdoutPipe)
	if err := attack.Start(); err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() {
		_ = attack.Process.Kill()
		_ = attack.Wait()
	})
	if _, err := begun.Read(make([]byte, 1)); err != nil {
		t.Fatal(err)
	}
}

func runTrue(t *testing.T, launcher *nsenter.Launcher, set *ns.Set) {
	t.Helper()
	if err := launcher.Command(set, "/bin/true").Run(); err != nil {
		t.Fatal(err)
	}
}
