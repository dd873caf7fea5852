//go:build linux && cgo

package lsm

import (
	"fmt"
	"io"
	"os"
	"os/exec"
	"strconv"
	"syscall"
	"testing"

	"nsexec/ns"
	"nsexec/nsenter"
)

// zooVariable makes the test binary one of the programs below.
const zooVariable = "LSM_TEST_ZOO"

var zoo = map[string]func(arg []string) error{
	"target": func([]string) error {
		_, err := io.Copy(io.Discard, os.Stdin)
		return err
	},
	"enter":  enter,
	"create": create,
}

func TestMain(m *testing.M) {
	program := zoo[os.Getenv(zooVariable)]
	if program == nil {
		os.Exit(m.Run())
	}
	os.Unsetenv(zooVariable)
	if err := program(os.Args[1:]); err != nil {
		fmt.Println("error:", err)
		os.Exit(1)
	}
}

// enter executes a program in the namespaces of a process, or of a target of its own if the pid is 0.
func enter(arg []string) error {
	way, program := arg[0], arg[2:]
	pid, err := strconv.Atoi(arg[1])
	if err != nil {
		return err
	}
	if pid == 0 {
		target, err := startTarget()
		if err != nil {
			return fmt.Errorf("start target: %w", err)
		}
		defer target.Wait()
		defer target.Process.Kill()
		pid = target.Process.Pid
	}
	set, err := ns.OfPID(pid, ns.All)
	if err != nil {
		return err
	}
	defer set.Close()
	command := nsenter.Command
	if way == "launcher" {
		l, err := nsenter.NewLauncher()
		if err != nil {
			return err
		}
		defer l.Close()
		command = l.Command
	}
	return show(command(set, program[0], program[1:]...))
}

// create executes a program in a new user namespace.
func create(program []string) error {
	cmd := nsenter.Command(nil, program[0], program[1:]...)
	cmd.Unshare = ns.User
	cmd.MapRoot()
	return show(cmd)
}

func show(cmd *nsenter.Cmd) error {
	out, err := cmd.CombinedOutput()
	os.Stdout.Write(out)
	return err
}

// startTarget is this program with namespaces of its own, a user namespace too where nothing can be made without.
func startTarget() (*exec.Cmd, error) {
	cmd := exec.Command("/proc/self/exe")
	cmd.Env = append(os.Environ(), zooVariable+"=target")
	cmd.SysProcAttr = &syscall.SysProcAttr{Cloneflags: uintptr(ns.All &^ (ns.Time | ns.User))}
	if uid := os.Getuid(); uid != 0 {
		cmd.SysProcAttr.Cloneflags |= syscall.CLONE_NEWUSER
		cmd.SysProcAttr.UidMappings = []syscall.SysProcIDMap{{HostID: uid, Size: 1}}
		cmd.SysProcAttr.GidMappings = []syscall.SysProcIDMap{{HostID: os.Getgid(), Size: 1}}
	}
	if _, err := cmd.StdinPipe(); err != nil {
		return nil, err
	}
	return cmd, cmd.Start()
}
