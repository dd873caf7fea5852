package testutil

import (
	"os"
	"os/exec"
	"runtime"
	"strings"
	"testing"

	"golang.org/x/sys/unix"
)

func init() {
	misbehaviours["fd"] = func(t *testing.T) {
		Baseline(t)
		leakFile()
	}
	misbehaviours["child"] = func(t *testing.T) {
		Baseline(t)
		_ = exec.Command("sleep", "60").Start()
	}
	misbehaviours["zombie"] = func(t *testing.T) {
		Baseline(t)
		_ = exec.Command("true").Start()
	}
	misbehaviours["thread"] = func(t *testing.T) {
		Baseline(t)
		done := make(chan struct{})
		go func() {
			runtime.LockOSThread()
			_ = unix.Unshare(unix.CLONE_NEWUTS)
			close(done)
			select {}
		}()
		<-done
	}
}

// leakFile opens a descriptor that no finalizer will close.
func leakFile() { _, _ = unix.Open("/dev/null", unix.O_RDONLY|unix.O_CLOEXEC, 0) }

func TestBaselineNamesWhatIsLeft(t *testing.T) {
	for how, says := range map[string]string{
		"fd":     "-> /dev/null",
		"child":  "(sleep) S",
		"zombie": "(true) Z",
		"thread": "uts:[",
	} {
		t.Run(how, func(t *testing.T) {
			t.Parallel()
			if how == "thread" && Who() == User {
				NeedRoot(t)
			}
			out, failed := runMisbehaving(t, how)
			if !failed || !strings.Contains(out, "left behind") || !strings.Contains(out, says) {
				t.Errorf("want a failure that says %q:\n%s", says, out)
			}
		})
	}
}

func TestBaselineAllowsWhatIsGivenBack(t *testing.T) {
	Baseline(t, leakFile)
	file, err := os.Open("/dev/null")
	if err != nil {
		t.Fatal(err)
	}
	defer file.Close()
	Target(t, AllTypes)
}
