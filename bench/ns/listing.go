//go:build linux

package main

import (
	"errors"
	"fmt"
	"os"
	"os/exec"
	"strings"
	"syscall"
	"time"

	"nsexec/ns"
)

// listing compares List with lsns(8) on a growing host.
func listing() error {
	fmt.Print(`## Listing all namespaces

lsns(8) finds members, owners and parents; that of util-linux 2.41 open files too that alone keep a namespace alive,
that of 2.38 does not. List finds those, and threads, sockets and bind mounts that do so. Each process below has two
namespaces of its own (uts and ipc), and three files open. List divides the work among the processors; CPU is the
time of all of them. The host's other processes are kept out by a pid namespace.

| processes | namespaces | lsns | its time | List | lsns / List | its CPU | List, CPU | lsns / List, CPU |
|---|---|---|---|---|---|---|---|---|
`)
	for _, n := range []int{150, 300, 600} {
		if err := listOnce(n); err != nil {
			return err
		}
	}
	fmt.Print(floor)
	return nil
}

// floor is what perf(1) and a loop that only makes the system calls have shown, on Linux 6.18.
const floor = `
### Where List's time goes

Nine tenths of it in the kernel, and most of that in procfs's path walks: a process costs some 33 system calls, where
lsns 2.38 makes 64 and lsns 2.41 72. A quarter is reading the links in /proc/PID/ns, more than a quarter opening namespaces
not seen before and asking for their owners, more than a fifth the links of open files, an eighth the command line,
the rest the process's directory and its threads. A loop that makes these calls and nothing else, on one
processor with cold caches, takes 30 to 34 us a process: that is the floor under List, 20 ms of processor time for
600. Without open files and threads, which lsns 2.38 does not look at, it would be 22 us.
`

// lister is a contender whose processor time counts too.
type lister struct {
	contender
	cpu []time.Duration
}

// peers are the programs to compare with: those on our command line, or the one on PATH.
func peers() []string {
	if len(os.Args) > 1 {
		return os.Args[1:]
	}
	return []string{"lsns"}
}

func listOnce(n int) error {
	_, stop, err := targets(n, uintptr(ns.UTS|ns.IPC))
	if err != nil {
		return err
	}
	defer stop()
	found := 0
	ours := list(&found)
	all := []*contender{&ours.contender}
	var theirs []*lister
	for _, program := range peers() {
		their, err := lsns(program)
		if err != nil {
			return err
		}
		theirs = append(theirs, their)
		all = append(all, &their.contender)
	}
	if err := race(all, 15); err != nil {
		return err
	}
	for _, their := range theirs {
		fmt.Printf("| %d | %d | %s | %s | %s |\n", n, found, their.name,
			versus(their.median(), ours.median()), versus(median(their.cpu), median(ours.cpu)))
	}
	return nil
}

// list is ns.List; found is how many namespaces it has found last.
func list(found *int) *lister {
	l := &lister{contender: contender{name: "List", n: 1}}
	l.run = func(int) error {
		before := cpuTime()
		listing, err := ns.List()
		if err == nil {
			l.cpu = append(l.cpu, cpuTime()-before)
			*found = len(listing.Namespaces)
		}
		return err
	}
	return l
}

// lsns is the program of that name, called by its version.
func lsns(program string) (*lister, error) {
	version, err := exec.Command(program, "--version").Output() // "lsns from util-linux 2.38.1"
	if err != nil {
		return nil, fmt.Errorf("%s --version: %w", program, err)
	}
	words := strings.Fields(string(version))
	l := &lister{contender: contender{name: words[len(words)-1], n: 1}}
	l.run = func(int) error {
		cmd := exec.Command(program)
		err := cmd.Run()
		if exit := (*exec.ExitError)(nil); errors.As(err, &exit) {
			err = nil // a process that it was reading has ended
		}
		if err == nil {
			l.cpu = append(l.cpu, cmd.ProcessState.UserTime()+cmd.ProcessState.SystemTime())
		}
		return err
	}
	return l, nil
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
