//go:build linux && cgo

package nsenter_test

import (
	"errors"
	"fmt"
	"io"
	"os"
	"os/exec"
	"path/filepath"
	"strings"
	"syscall"
	"testing"

	"nsexec/internal/testutil"
	"nsexec/nsenter"
)

// ordinaryUser is an id that belongs to nobody.
const ordinaryUser = 47110

func init() {
	// twice notes that main ran, waits for the end of its stdin, and tries to start a payload. An argument that is
	// missing is main running by mistake, in a process that was not started by the test.
	zoo["twice"] = func([]string) error {
		if err := noteRun(os.Getenv(runsVariable)); err != nil {
			return err
		}
		if _, err := io.Copy(io.Discard, os.Stdin); err != nil {
			return err
		}
		err := nsenter.Command(nil, "/bin/true").Run()
		_, launcherErr := nsenter.NewLauncher()
		fmt.Printf("available: %v, unavailable: %v, unsupported: %v, run: %v, launcher: %v\n", nsenter.Available(),
			errors.Is(err, nsenter.ErrUnavailable), errors.Is(err, errors.ErrUnsupported), err, launcherErr)
		return nil
	}
}

// runsVariable names the file that a byte is added to each time that main runs.
const runsVariable = "NSENTER_TEST_RUNS"

func noteRun(path string) error {
	file, err := os.OpenFile(path, os.O_WRONLY|os.O_APPEND, 0)
	if err != nil {
		return err
	}
	defer file.Close()
	_, err = file.Write([]byte("m"))
	return err
}

// secureCopy is a copy of the zoo that anybody may execute and note in the file runs.
func secureCopy(t *testing.T) (binary, runs string) {
	t.Helper()
	dir, err := os.MkdirTemp("", "nsenter-test-")
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() { _ = os.RemoveAll(dir) })
	binary, runs = filepath.Join(dir, "zoo"), filepath.Join(dir, "runs")
	if err := copyExecutable(binary, "/proc/self/exe"); err != nil {
		t.Fatal(err)
	}
	if err := os.WriteFile(runs, nil, 0o600); err != nil {
		t.Fatal(err)
	}
	if err := os.Chmod(runs, 0o666); err != nil {
		t.Fatal(err)
	}
	return binary, runs
}

func setCapability(t *testing.T, binary string) {
	t.Helper()
	if _, err := exec.LookPath("setcap"); err != nil {
		testutil.Skip(t, "setcap is not installed")
	}
	if out, err := exec.Command("setcap", "cap_net_raw+ep", binary).CombinedOutput(); err != nil {
		t.Fatalf("setcap: %v: %s", err, out)
	}
}

func chmod(mode os.FileMode) func(*testing.T, string) {
	return func(t *testing.T, binary string) {
		t.Helper()
		if err := os.Chmod(binary, mode|0o755); err != nil {
			t.Fatal(err)
		}
	}
}

var raises = map[string]func(t *testing.T, binary string){
	"file capabilities": setCapability,
	"set-user-ID":       chmod(os.ModeSetuid),
	"set-group-ID":      chmod(os.ModeSetgid),
}

func asUser(binary, runs string) *exec.Cmd {
	cmd := exec.Command(binary)
	cmd.Env = zooEnv("twice", runsVariable+"="+runs)
	cmd.Dir = "/"
	cmd.SysProcAttr = &syscall.SysProcAttr{Credential: &syscall.Credential{Uid: ordinaryUser, Gid: ordinaryUser}}
	return cmd
}

// A program that gains privileges by being executed: the library refuses, with a reason, before it starts anything.
func TestRaisedPrivileges(t *testing.T) {
	testutil.NeedRoot(t)
	for name, raise := range raises {
		t.Run(name, func(t *testing.T) {
			binary, runs := secureCopy(t)
			raise(t, binary)
			out, err := asUser(binary, runs).CombinedOutput()
			if text := string(out); err != nil || !strings.Contains(text, "unavailable: true, unsupported: true") ||
				!strings.Contains(text, "launcher: nsenter: unavailable") {
				t.Errorf("%v, %s", err, out)
			}
			checkRuns(t, runs, 1)

			private := asUser(binary, runs)
			private.Args = []string{nsenter.Stage0Name}
			out, _ = private.CombinedOutput()
			if code := private.ProcessState.ExitCode(); len(out) > 0 || code != 65 {
				t.Errorf("stage 0 with raised privileges: %v, said %q", private.ProcessState, out)
			}
			checkRuns(t, runs, 1)
		})
	}
}

// The program is given privileges after it was started: its stage 0 has them, and must not run main.
func TestPrivilegesRaisedMeanwhile(t *testing.T) {
	testutil.NeedRoot(t)
	for name, raise := range raises {
		t.Run(name, func(t *testing.T) {
			binary, runs := secureCopy(t)
			cmd := asUser(binary, runs)
			stdin, err := cmd.StdinPipe()
			if err != nil {
				t.Fatal(err)
			}
			var out strings.Builder
			cmd.Stdout, cmd.Stderr = &out, &out
			if err := cmd.Start(); err != nil {
				t.Fatal(err)
			}
			testutil.Eventually(t, "main", func() bool { return countRuns(t, runs) > 0 })
			raise(t, binary)
			stdin.Close()
			// A launcher is executed from a copy, which raises nothing.
			if err := cmd.Wait(); err != nil || !strings.Contains(out.String(), "gains privileges when it is executed") ||
				!strings.Contains(out.String(), "launcher: <nil>") {
				t.Errorf("%v, %s", err, out.String())
			}
			checkRuns(t, runs, 1)
		})
	}
}

func countRuns(t *testing.T, runs string) int {
	t.Helper()
	noted, err := os.ReadFile(runs)
	if err != nil {
		t.Fatal(err)
	}
	return len(noted)
}

func checkRuns(t *testing.T, runs string, want int) {
	t.Helper()
	if got := countRuns(t, runs); got != want {
		t.Errorf("main ran %d times, want %d", got, want)
	}
}
