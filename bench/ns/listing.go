//go:build linux

package main

import (
	"errors"
	"fmt"
	"os"
	"os/exec"
	"slices"
	"strings"
	"syscall"
	"time"

	"nsexec/ns"
)

// listing compares List with lsns(8), and with its own system calls, on a growing host.
func listing() error {
	fmt.Print(`## Listing all namespaces

lsns(8) finds members, owners and parents; that of util-linux 2.41 open files too that alone keep a namespace alive,
that of 2.38 does not. List finds those, and threads, sockets and bind mounts that do so. Each process below has two
namespaces of its own (uts and ipc), and three files open. List divides the work among the processors; CPU is the
time of all of them. The host's other processes are kept out by a pid namespace.

| processes | namespaces | lsns | its time | List | lsns / List | its CPU | List, CPU | lsns / List, CPU |
|---|---|---|---|---|---|---|---|---|
`)
	var bare strings.Builder
	for _, n := range []int{150, 300, 600} {
		if err := listOnce(n, &bare); err != nil {
			return err
		}
	}
	fmt.Print(floor, bare.String())
	return nil
}

// floor is what strace(1) and perf(1) have shown on Linux 6.18.
const floor = `
### Where List's time goes

Nearly nine tenths of it in the kernel. A process costs 44 system calls, where lsns 2.38 makes 64 and lsns 2.41 72. More
than half of the time is opening its eight namespaces by its pidfd, telling which they are, and closing them, and asking
for the owners of the two that are new; a sixth the links of its open files; a tenth its command line; the rest its
directory, its threads and the pidfd. On two processors all this takes slightly more of their time than on one: they share the
table of open files, and the namespaces that most processes are in.

In the same rounds a loop made these calls on all processors, and nothing else. What it takes is the floor under
List, whose rows need each of the calls; lsns / calls is what List could reach at best. (lsns 2.38 looks neither at open
files nor at threads.)

| processes | lsns | calls alone | lsns / calls | List / calls | calls, CPU | lsns / calls, CPU | List / calls, CPU |
|---|---|---|---|---|---|---|---|
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

// listOnce prints a row for each peer, and writes one about the system calls to bare.
func listOnce(n int, bare *strings.Builder) error {
	pids, stop, err := targets(n, uintptr(ns.UTS|ns.IPC))
	if err != nil {
		return err
	}
	defer stop()
	found := 0
	ours := list(&found)
	calls, done, err := bareCalls(pids)
	if err != nil {
		return err
	}
	defer done()
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
	all = slices.Insert(all, 2, &calls.contender) // each comes after an lsns, which leaves the caches to others
	if err := race(all, 15); err != nil {
		return err
	}
	for _, their := range theirs {
		fmt.Printf("| %d | %d | %s | %s | %s |\n", n, found, their.name,
			versus(their.median(), ours.median()), versus(median(their.cpu), median(ours.cpu)))
		fmt.Fprintf(bare, "| %d | %s | %s | %s |\n", n, their.name,
			over(calls.median(), their.median(), ours.median()), over(median(calls.cpu), median(their.cpu), median(ours.cpu)))
	}
	return nil
}

// list is ns.List; found is how many namespaces it has found last.
func list(found *int) *lister {
	return timed("List", func() error {
		listing, err := ns.List()
		if err == nil {
			*found = len(listing.Namespaces)
		}
		return err
	})
}

// timed makes a contender of something that this process does.
func timed(name string, run func() error) *lister {
	l := &lister{contender: contender{name: name, n: 1}}
	l.run = func(int) error {
		before := cpuTime()
		err := run()
		l.cpu = append(l.cpu, cpuTime()-before)
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

// over is a time and how many times as long two others are.
func over(base, a, b time.Duration) string {
	return fmt.Sprintf("%s | %.1f | %.2f", pretty(base), float64(a)/float64(base), float64(b)/float64(base))
}

// cpuTime is what this process has used of all processors.
func cpuTime() time.Duration {
	var use syscall.Rusage
	_ = syscall.Getrusage(syscall.RUSAGE_SELF, &use) // cannot fail
	return time.Duration(use.Utime.Nano() + use.Stime.Nano())
}
