//go:build linux

package main

import (
	"fmt"
	"math"
	"os"
	"os/exec"
	"syscall"

	cni "github.com/containernetworking/plugins/pkg/ns"
	"golang.org/x/sys/unix"

	"nsexec/ns"
)

func procPath(h *ns.Handle) string { return fmt.Sprintf("/proc/%d/fd/%d", os.Getpid(), h.Fd()) }

// opening compares ways to open what a process is in.
func opening() error {
	pids, stop, err := targets(1, uintptr(ns.All&^(ns.User|ns.Time)))
	if err != nil {
		return err
	}
	defer stop()
	set := func(t ns.Type) func(int) error {
		return func(n int) error {
			for range n {
				s, err := ns.OfPID(pids[0], t)
				if err != nil {
					return err
				}
				s.Close()
			}
			return nil
		}
	}
	base := &contender{name: "CNI GetNS(/proc/PID/ns/net)", n: 1000, run: func(n int) error {
		for range n {
			h, err := cni.GetNS(fmt.Sprintf("/proc/%d/ns/net", pids[0]))
			if err != nil {
				return err
			}
			h.Close()
		}
		return nil
	}}
	contenders := []*contender{
		base,
		{name: "OfPID(pid, Net), bound to the process", n: 1000, run: set(ns.Net)},
		{name: "OfPID(pid, All), eight namespaces", n: 300, run: set(ns.All)},
		{name: "Inode(pid, Net)", n: 1000, run: func(n int) error {
			for range n {
				if _, err := ns.Inode(pids[0], ns.Net); err != nil {
					return err
				}
			}
			return nil
		}},
	}
	if err := race(contenders, rounds); err != nil {
		return err
	}
	table("Opening a process's namespaces, and closing them", contenders)
	return nil
}

// targets starts n processes with new namespaces each, and with three open files: none of ours, which whoever started us
// may have left open. They are started without os/exec, whose pidfds would be n files more for a listing to look at.
func targets(n int, flags uintptr) (pids []int, stop func(), err error) {
	stop = func() {
		for _, pid := range pids {
			_ = syscall.Kill(pid, syscall.SIGKILL)
		}
		for _, pid := range pids {
			_, _ = syscall.Wait4(pid, nil, 0, nil)
		}
	}
	if err := unix.CloseRange(3, math.MaxInt32, unix.CLOSE_RANGE_CLOEXEC); err != nil {
		return nil, nil, err
	}
	sleep, err := exec.LookPath("sleep")
	if err != nil {
		return nil, nil, err
	}
	null, err := os.OpenFile(os.DevNull, os.O_RDWR, 0)
	if err != nil {
		return nil, nil, err
	}
	defer null.Close()
	for range n {
		pid, err := syscall.ForkExec(sleep, []string{"sleep", "600"}, &syscall.ProcAttr{
			Files: []uintptr{null.Fd(), null.Fd(), null.Fd()},
			Sys:   &syscall.SysProcAttr{Cloneflags: flags},
		})
		if err != nil {
			stop()
			return nil, nil, err
		}
		pids = append(pids, pid)
	}
	return pids, stop, nil
}
