//go:build linux

package main

import (
	"errors"
	"fmt"
	"os/exec"

	"nsexec/ns"
)

// listing compares List with lsns(8) on a growing host.
func listing() error {
	fmt.Print(`## Listing all namespaces

lsns(8) finds members, owners and parents. List finds the threads, open files, sockets and bind mounts as well that alone
keep a namespace alive. Each process below has two namespaces of its own (uts and ipc).

| processes | namespaces | lsns | List | lsns / List |
|---|---|---|---|---|
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
	lsns := &contender{name: "lsns", n: 1, run: func(int) error {
		err := exec.Command("lsns").Run()
		if exit := (*exec.ExitError)(nil); errors.As(err, &exit) {
			err = nil // a process that it was reading has ended
		}
		return err
	}}
	ours := &contender{name: "List", n: 1, run: func(int) error {
		l, err := ns.List()
		if err == nil {
			found = len(l.Namespaces)
		}
		return err
	}}
	if err := race([]*contender{lsns, ours}, 11); err != nil {
		return err
	}
	a, b := lsns.median(), ours.median()
	fmt.Printf("| %d | %d | %s | %s | %.1f |\n", n, found, pretty(a), pretty(b), float64(a)/float64(b))
	return nil
}
