//go:build linux && cgo

package nsenter_test

import (
	"bytes"
	"crypto/sha256"
	"errors"
	"fmt"
	"io"
	"math/rand/v2"
	"os"
	"os/exec"
	"syscall"
	"testing"

	"nsexec/ns"
	"nsexec/nsenter"
)

func TestExitCodes(t *testing.T) {
	baseline(t)
	everywhere(t, func(t *testing.T, set *ns.Set) {
		for _, code := range []int{0, 1, 7, 125, 126, 127, 255} {
			cmd := nsenter.Command(set, "/bin/sh", "-c", fmt.Sprintf("exit %d", code))
			err := cmd.Run()
			var exit *exec.ExitError
			if (code == 0) != (err == nil) || code != 0 && !errors.As(err, &exit) {
				t.Errorf("exit %d: %v", code, err)
			}
			if got := cmd.ProcessState.ExitCode(); got != code {
				t.Errorf("exit %d came back as %d", code, got)
			}
		}
	})
}

func TestDeathBySignal(t *testing.T) {
	baseline(t)
	everywhere(t, func(t *testing.T, set *ns.Set) {
		for _, sig := range []syscall.Signal{syscall.SIGKILL, syscall.SIGTERM, syscall.SIGHUP, syscall.SIGUSR1} {
			cmd := nsenter.Command(set, "cat")
			pipes(t, cmd)
			if err := cmd.Start(); err != nil {
				t.Fatal(err)
			}
			if err := cmd.Process.Signal(sig); err != nil {
				t.Fatal(err)
			}
			var exit *exec.ExitError
			if err := cmd.Wait(); !errors.As(err, &exit) {
				t.Errorf("%v: %v", sig, err)
			}
			status := cmd.ProcessState.Sys().(syscall.WaitStatus)
			if !status.Signaled() || status.Signal() != sig {
				t.Errorf("%v came back as %v", sig, cmd.ProcessState)
			}
		}
	})
}

// Time that a payload used is in its ProcessState, as it is for any child.
func TestResourceUsage(t *testing.T) {
	everywhere(t, func(t *testing.T, set *ns.Set) {
		cmd := nsenter.Command(set, "/bin/sh", "-c", "i=0; while [ $i -lt 20000 ]; do i=$((i+1)); done")
		if err := cmd.Run(); err != nil {
			t.Fatal(err)
		}
		usage, ok := cmd.ProcessState.SysUsage().(*syscall.Rusage)
		if !ok || usage.Maxrss == 0 || cmd.ProcessState.UserTime()+cmd.ProcessState.SystemTime() == 0 {
			t.Errorf("usage is %+v", usage)
		}
	})
}

func TestTenMegabytesThroughCat(t *testing.T) {
	baseline(t)
	data := make([]byte, 10<<20)
	rand.NewChaCha8([32]byte{1}).Read(data)
	want := sha256.Sum256(data)
	everywhere(t, func(t *testing.T, set *ns.Set) {
		cmd := nsenter.Command(set, "cat")
		cmd.Stdin = bytes.NewReader(data)
		out, err := cmd.Output()
		if err != nil || sha256.Sum256(out) != want {
			t.Errorf("%d bytes came back, %v", len(out), err)
		}
	})
}

func TestExtraFilesCarryData(t *testing.T) {
	baseline(t)
	everywhere(t, func(t *testing.T, set *ns.Set) {
		inR, inW, err := os.Pipe()
		if err != nil {
			t.Fatal(err)
		}
		outR, outW, err := os.Pipe()
		if err != nil {
			t.Fatal(err)
		}
		defer inW.Close()
		defer outR.Close()
		cmd := nsenter.Command(set, "/bin/sh", "-c", "cat <&3 >&5")
		cmd.ExtraFiles = []*os.File{inR, nil, outW}
		if err := cmd.Start(); err != nil {
			t.Fatal(err)
		}
		inR.Close()
		outW.Close()
		fmt.Fprint(inW, "over there")
		inW.Close()
		out, readErr := io.ReadAll(outR)
		if err := errors.Join(readErr, cmd.Wait()); err != nil || string(out) != "over there" {
			t.Errorf("through fds 3 and 5 came %q, %v", out, err)
		}
	})
}
