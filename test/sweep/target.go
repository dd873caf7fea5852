//go:build linux && cgo

package main

import (
	"bufio"
	"errors"
	"fmt"
	"io"
	"os"
	"os/exec"
	"strconv"
	"strings"
	"syscall"
	"time"

	"golang.org/x/sys/unix"

	"nsexec/ns"
)

// anyUser is an ordinary user: a number that belongs to no account.
const anyUser = 47110

// target is a process to enter, and its holder, who reaps it: it is the user's whose namespaces it has.
type target struct {
	pid    int
	holder *exec.Cmd
	stdin  io.WriteCloser
}

// self is a process of this program.
func (s *scenario) self(role string, arg ...string) *exec.Cmd {
	cmd := exec.Command("/proc/self/exe", arg...)
	cmd.Dir = "/"
	cmd.Env = append(os.Environ(), roleVariable+"="+role)
	cmd.Stderr = os.Stderr
	cmd.SysProcAttr = &syscall.SysProcAttr{Pdeathsig: syscall.SIGKILL}
	if s.Rootless && os.Geteuid() == 0 {
		cmd.SysProcAttr.Credential = &syscall.Credential{Uid: anyUser, Gid: anyUser}
	}
	return cmd
}

func (s *scenario) newTarget() (*target, error) {
	t := &target{holder: s.self("holder", strconv.FormatUint(uint64(s.Join), 10))}
	var err error
	if t.stdin, err = t.holder.StdinPipe(); err != nil {
		return nil, err
	}
	stdout, err := t.holder.StdoutPipe()
	if err != nil {
		return nil, err
	}
	if err := t.holder.Start(); err != nil {
		return nil, err
	}
	line, err := bufio.NewReader(stdout).ReadString('\n')
	if err == nil {
		t.pid, err = strconv.Atoi(strings.TrimSpace(line))
	}
	if err != nil {
		_, killErr := t.kill()
		return nil, errors.Join(fmt.Errorf("start target: %w", err), killErr)
	}
	return t, nil
}

// runs tells whether the target is as it was.
func (t *target) runs() bool { return t.pid > 0 && isAlive(t.pid) }

// kill ends the target as its runtime would: it must be gone in time, though payloads were in it.
func (t *target) kill() (isLate bool, err error) {
	defer func() { _ = t.stdin.Close() }()
	if t.pid > 0 {
		_ = unix.Kill(t.pid, unix.SIGKILL)
	}
	begun := time.Now()
	ended := make(chan error, 1)
	go func() { ended <- t.holder.Wait() }()
	select {
	case err := <-ended:
		return time.Since(begun) > settleTime, err
	case <-time.After(muchLonger * settleTime):
		_ = t.holder.Process.Kill()
		return true, errors.New("the target has been killed, and is not gone")
	}
}

// runHolder starts the target, says its pid, and ends when that has been reaped. The target lives until its standard
// input ends: until it is killed, or its holder is.
func runHolder(arg []string) error {
	types, err := strconv.ParseUint(arg[0], 10, 64)
	if err != nil {
		return err
	}
	cmd := exec.Command("cat")
	cmd.SysProcAttr = &syscall.SysProcAttr{Cloneflags: uintptr(types)}
	if ns.Type(types)&ns.User != 0 {
		mapUsers(cmd.SysProcAttr)
	}
	if _, err := cmd.StdinPipe(); err != nil {
		return err
	}
	if err := cmd.Start(); err != nil {
		return err
	}
	go func() { // the driver is gone
		_, _ = io.Copy(io.Discard, os.Stdin)
		_ = cmd.Process.Kill()
	}()
	fmt.Println(cmd.Process.Pid)
	_ = cmd.Wait() // killed, as it should be
	return nil
}

// mapUsers makes the target root of its user namespace, over many ids where we have many.
func mapUsers(attr *syscall.SysProcAttr) {
	uid, gid, size := os.Geteuid(), os.Getegid(), 1
	if uid == 0 && isInitialUserns() {
		uid, gid, size = firstID, firstID, manyIDs
		attr.GidMappingsEnableSetgroups = true
	}
	attr.UidMappings = []syscall.SysProcIDMap{{HostID: uid, Size: size}}
	attr.GidMappings = []syscall.SysProcIDMap{{HostID: gid, Size: size}}
	attr.Credential = &syscall.Credential{NoSetGroups: size == 1}
}

// The ids that a user namespace of root's maps.
const (
	firstID = 100000
	manyIDs = 65536
)
