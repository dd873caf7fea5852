//go:build linux && cgo

// Command protection measures what protection costs: the library beside a build of it that is weakened in everything that
// a call takes time for (nsenter/weak.h), in turn, in one run. It writes the figures as Markdown:
//
//	cd bench && go run ./protection > ../docs/security-cost.md
//
// It needs root.
package main

import (
	"fmt"
	"os"
	"os/exec"
	"path/filepath"
	"strconv"

	"nsexec/bench/turns"
	"nsexec/ns"
	"nsexec/nsenter"
)

// rounds is how often all contenders take their turn.
const rounds = 600

// goal is what protection may cost, in times without it.
const goal = 1.10

// dropped is all that costs anything: the rest of weak.h adds something, or does it otherwise.
const dropped = "nsexec_weak_cwd,nsexec_weak_dumpable,nsexec_weak_environ,nsexec_weak_executable,nsexec_weak_files," +
	"nsexec_weak_groups,nsexec_weak_here,nsexec_weak_inert,nsexec_weak_inheritable,nsexec_weak_malformed," +
	"nsexec_weak_procfs,nsexec_weak_variable"

func main() {
	err := run(os.Args[1:])
	if err != nil {
		fmt.Fprintln(os.Stderr, "protection benchmark:", err)
		os.Exit(1)
	}
}

func run(arg []string) error {
	if len(arg) == 2 && arg[0] == "worker" {
		return work(arg[1])
	}
	dir, err := os.MkdirTemp("", "nsexec-protection-")
	if err != nil {
		return err
	}
	defer func() { _ = os.RemoveAll(dir) }()
	return turns.WithTarget(turns.Six, func(pid int) error { return measure(dir, pid) })
}

// work is what each of the two builds does when it is told to.
func work(pid string) error {
	n, err := strconv.Atoi(pid)
	if err != nil {
		return err
	}
	set, err := ns.OfPID(n, turns.Six)
	if err != nil {
		return err
	}
	launcher, err := nsenter.NewLauncher()
	if err != nil {
		return err
	}
	defer func() { _ = launcher.Close() }()
	return turns.Serve(map[string]func() error{
		"one-shot": func() error { return nsenter.Command(set, "/bin/true").Run() },
		"launcher": func() error { return launcher.Command(set, "/bin/true").Run() },
	})
}

// start builds a worker and starts it.
func start(dir, name, tags string, pid int) (*turns.Worker, error) {
	path := filepath.Join(dir, name)
	cmd := exec.Command("go", "build", "-buildvcs=false", "-tags", tags, "-o", path, "./protection")
	cmd.Env = append(os.Environ(), "CGO_ENABLED=1")
	if out, err := cmd.CombinedOutput(); err != nil {
		return nil, fmt.Errorf("%v: %w: %s", cmd, err, out)
	}
	return turns.StartWorker(path, "worker", strconv.Itoa(pid))
}

func measure(dir string, pid int) error {
	weak, err := start(dir, "weakened", dropped, pid)
	if err != nil {
		return err
	}
	defer weak.Close()
	normal, err := start(dir, "normal", "", pid)
	if err != nil {
		return err
	}
	defer normal.Close()
	oneShot := []*turns.Contender{
		weak.Contender("one-shot, weakened", "one-shot"), normal.Contender("one-shot", "one-shot"),
	}
	launcher := []*turns.Contender{
		weak.Contender("launcher, weakened", "launcher"), normal.Contender("launcher", "launcher"),
	}
	all := append(oneShot[:2:2], launcher...)
	if err := turns.Take(1, all); err != nil { // the first call makes the unwritable executable
		return err
	}
	for _, c := range all {
		c.Forget()
	}
	if err := turns.Take(rounds, all); err != nil {
		return err
	}
	write(oneShot, launcher)
	return nil
}

func write(oneShot, launcher []*turns.Contender) {
	fmt.Printf(`# What protection costs

Made by `+"`cd bench && go run ./protection > ../docs/security-cost.md`"+` as root, on %s.
Six namespaces (mnt uts ipc net pid cgroup), `+"`/bin/true`"+`, start to reaped, in turn, %d rounds, calls after the first.
"Weakened" is the library without all protections that take time ([nsenter/weak.h](../nsenter/weak.h)).

`, turns.Machine(), rounds)
	turns.Table("weakened one-shot", oneShot)
	fmt.Println()
	turns.Table("weakened launcher", launcher)
	fmt.Printf("\nThe goal is %.2f times: by one-shot it is %s, by a launcher %s.\n", goal, verdict(oneShot), verdict(launcher))
}

func verdict(pair []*turns.Contender) string {
	if float64(pair[1].Quantile(0.5))/float64(pair[0].Quantile(0.5)) <= goal {
		return "met"
	}
	return "not met"
}
