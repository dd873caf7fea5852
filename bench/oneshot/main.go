//go:build linux && cgo

// Command oneshot measures nsenter.Command against nsenter(1) and plain os/exec, one beside the other in one run, and
// writes the figures as Markdown:
//
//	make build && cd bench && go run ./oneshot > ../docs/oneshot-benchmarks.md
//
// It needs root, gcc and nsenter(1).
package main

import (
	"fmt"
	"os"
	"os/exec"
	"path/filepath"
	"strconv"
	"strings"
	"time"

	"nsexec/bench/turns"
	"nsexec/ns"
	"nsexec/nsenter"
)

// rounds is how often all contenders take their turn.
const rounds = 300

func main() {
	if err := report(); err != nil {
		fmt.Fprintln(os.Stderr, "oneshot benchmark:", err)
		os.Exit(1)
	}
}

func report() error {
	dir, err := os.MkdirTemp("", "oneshot-")
	if err != nil {
		return err
	}
	defer func() { _ = os.RemoveAll(dir) }()
	program := filepath.Join(dir, "true")
	gcc := exec.Command("gcc", "-O2", "-static", "-x", "c", "-o", program, "-")
	gcc.Stdin = strings.NewReader("int main(void) { return 0; }\n")
	if out, err := gcc.CombinedOutput(); err != nil {
		return fmt.Errorf("compile true: %w: %s", err, out)
	}
	return turns.WithTarget(turns.Six, func(pid int) error { return measure(pid, program) })
}

func measure(pid int, program string) error {
	set, err := ns.OfPID(pid, turns.Six)
	if err != nil {
		return err
	}
	defer func() { _ = set.Close() }()
	begun := time.Now()
	if err := nsenter.Command(set, program).Run(); err != nil {
		return err
	}
	first := time.Since(begun)
	contenders := ways(pid, set, program)
	if err := turns.Take(rounds, contenders); err != nil {
		return err
	}
	write(contenders, first)
	return nil
}

func ways(pid int, set *ns.Set, program string) []*turns.Contender {
	target := strconv.Itoa(pid)
	return []*turns.Contender{
		{Name: "nsenter(1) through os/exec", Run: func() error {
			return exec.Command("nsenter", "-t", target, "-m", "-u", "-i", "-n", "-p", "-C", program).Run()
		}},
		{Name: "nsenter.Command", Run: func() error { return nsenter.Command(set, program).Run() }},
		{Name: "nsenter.Command and ns.OfPID", Run: func() error {
			set, err := ns.OfPID(pid, turns.Six)
			if err != nil {
				return err
			}
			defer func() { _ = set.Close() }()
			return nsenter.Command(set, program).Run()
		}},
		{Name: "nsenter.Command, no namespace", Run: func() error { return nsenter.Command(nil, program).Run() }},
		{Name: "the command: nsexec exec", Run: func() error {
			return exec.Command("../bin/nsexec", "exec", "-t", target, "-m", "-u", "-i", "-n", "-p", "-C", program).Run()
		}},
		{Name: "plain os/exec, for comparison", Run: func() error { return exec.Command(program).Run() }},
	}
}

func write(contenders []*turns.Contender, first time.Duration) {
	fmt.Printf(`# One-shot, measured

Made by `+"`make build && cd bench && go run ./oneshot > ../docs/oneshot-benchmarks.md`"+` as root, on %s.
Six namespaces (mnt uts ipc net pid cgroup), a static `+"`true`"+`, start to reaped, in
turn, %d rounds. The first call in the process, which makes the unwritable executable, took %.2f ms.

`, turns.Machine(), rounds, float64(first)/1e6)
	turns.Table("nsenter(1)", contenders)
}
