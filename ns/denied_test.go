//go:build linux

package ns

import (
	"errors"
	"fmt"
	"os"
	"os/exec"
	"strings"
	"syscall"
	"testing"

	"golang.org/x/sys/unix"

	"nsexec/internal/testutil"
)

// somebody is an ordinary user of whom there is no other process.
const somebody = 61718

func init() {
	// undumpable says so, and waits for the end of its stdin.
	helpers["undumpable"] = func() error {
		if err := unix.Prctl(unix.PR_SET_DUMPABLE, 0, 0, 0, 0); err != nil {
			return err
		}
		fmt.Println("undumpable")
		_, err := os.Stdin.Read(make([]byte, 1))
		return err
	}
	// denied tries to open the namespaces of a process, and of one of its own that is not dumpable, and says why it cannot.
	helpers["denied"] = func() error {
		if pid := os.Getenv("NS_TEST_PID"); pid != "" {
			_, err := OfPID(atoi(pid), Net)
			fmt.Println(err)
			return nil
		}
		target := helperCommand("undumpable")
		stdin, err := target.StdinPipe()
		if err != nil {
			return err
		}
		stdout, err := target.StdoutPipe()
		if err != nil {
			return err
		}
		if err := target.Start(); err != nil {
			return err
		}
		_, err = stdout.Read(make([]byte, 100))
		_, openErr := OfPID(target.Process.Pid, Net)
		fmt.Println(openErr)
		stdin.Close()
		_ = target.Wait()
		return err
	}
}

// wantDenied runs denied as an ordinary user, and wants that reason.
func wantDenied(t *testing.T, pid, says string) {
	t.Helper()
	cmd := helperCommand("denied")
	cmd.Env = append(cmd.Env, "NS_TEST_PID="+pid)
	if testutil.Who() == testutil.Root {
		cmd.SysProcAttr = &syscall.SysProcAttr{Credential: &syscall.Credential{Uid: somebody, Gid: somebody}}
	}
	out, err := cmd.CombinedOutput()
	if text := string(out); err != nil || !strings.Contains(text, says) || !strings.Contains(text, "CAP_SYS_PTRACE") {
		t.Errorf("%v: says %q, want %q", err, text, says)
	}
}

func needNoPtrace(t *testing.T) {
	t.Helper()
	if testutil.Who() == testutil.UsernsRoot {
		testutil.NeedUser(t) // who may look at all of his own processes
	}
}

func TestDeniedForItsUser(t *testing.T) {
	needNoPtrace(t)
	wantDenied(t, "1", "it is of uid 0, and the caller of ")
}

func TestDeniedForItIsNotDumpable(t *testing.T) {
	needNoPtrace(t)
	wantDenied(t, "", "it is not dumpable")
}

func TestDeniedForItsCapabilities(t *testing.T) {
	testutil.NeedRoot(t)
	target := exec.Command("/bin/cat")
	stdin, err := target.StdinPipe()
	if err != nil {
		t.Fatal(err)
	}
	target.SysProcAttr = &syscall.SysProcAttr{
		Credential: &syscall.Credential{Uid: somebody, Gid: somebody}, AmbientCaps: []uintptr{unix.CAP_NET_RAW},
	}
	if err := target.Start(); err != nil {
		t.Fatal(err)
	}
	wantDenied(t, itoa(target.Process.Pid), "it has capabilities that the caller lacks")
	stdin.Close()
	if err := target.Wait(); err != nil {
		t.Error(err)
	}
}

// Who is allowed is told nothing.
func TestNotDenied(t *testing.T) {
	if _, err := OfPID(os.Getpid(), Net); err != nil {
		t.Error(err)
	}
	if err := explainDenial(os.Getpid(), unix.ESRCH); !errors.Is(err, unix.ESRCH) || strings.Contains(err.Error(), "takes") {
		t.Error(err)
	}
}
