//go:build linux

package main

import (
	"errors"
	"fmt"
	"os/exec"
	"syscall"
	"time"

	"nsexec/ns"
)

// listing compares List with lsns(8) on a growing host.
func listing() error {
	fmt.Print(`## Listing all namespaces

lsns(8) finds members, owners and parents. List finds the threads, open files, sockets and bind mounts as well that alone
keep a namespace alive. Each process below has two namespaces of its own (uts and ipc),
and three files open. List divides the work among the processors; CPU is the time of all of them, in which a busy machine
shows less. The host's other processes are kept out by a pid namespace: their threads and files, which lsns does not
look at, would cost List more than lsns.

| processes | namespaces | lsns | List | lsns / List | lsns, CPU | List, CPU | lsns / List, CPU |
|---|---|---|---|---|---|---|---|
`)
	for _, n := range []int{150, 300, 600} {
		if err := listOnce(n); err != nil {
			return err
		}
	}
	return nil
}

func listOnce(n int) error {
	_, stop, err := targets(n, uintptr(ns.UTS|ns.IPC))
	if err != nil {
		return err
	}
	defer stop()
	var found int
	var cpuA, cpuB []time.Duration
	lsns := &contender{name: "lsns", n: 1, run: func(int) error {
		cmd := exec.Command("lsns")
		err := cmd.Run()
		if exit := (*exec.ExitError)(nil); errors.As(err, &exit) {
			err = nil // a process that it was reading has ended
		}
		if err == nil {
			cpuA = append(cpuA, cmd.ProcessState.UserTime()+cmd.ProcessState.SystemTime())
		}
		return err
	}}
	ours := &contender{name: "List", n: 1, run: func(int) error {
		before := cpuTime()
		l, err := ns.List()
		if err == nil {
			cpuB = append(cpuB, cpuTime()-before)
			found = len(l.Namespaces)
		}
		return err
	}}
	if err := race([]*contender{lsns, ours}, 11); err != nil {
		return err
	}
	fmt.Printf("| %d | %d | %s | %s |\n", n, found, versus(lsns.median(), ours.median()), versus(median(cpuA), median(cpuB)))
	return nil
}

// versus is two times and their ratio, as cells of a table.
func versus(a, b time.Duration) string {
	return fmt.Sprintf("%s | %s | %.1f", pretty(a), pretty(b), float64(a)/float64(b))
}

// cpuTime is what this process has used of all processors.
func cpuTime() time.Duration {
	var use syscall.Rusage
	_ = syscall.Getrusage(syscall.RUSAGE_SELF, &use) // cannot fail
	return time.Duration(use.Utime.Nano() + use.Stime.Nano())
}
