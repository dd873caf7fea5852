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
	"runtime"
	"slices"
	"strconv"
	"strings"
	"syscall"
	"time"

	"golang.org/x/sys/unix"

	"nsexec/ns"
	"nsexec/nsenter"
)

// six is what a container mostly has of its own.
const six = ns.Mount | ns.UTS | ns.IPC | ns.Net | ns.PID | ns.Cgroup

// rounds is how often all contenders take their turn.
const rounds = 300

// contender is one way to run a program, and how long it took.
type contender struct {
	name  string
	run   func() error
	times []time.Duration
}

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
	defer os.RemoveAll(dir)
	program := filepath.Join(dir, "true")
	gcc := exec.Command("gcc", "-O2", "-static", "-x", "c", "-o", program, "-")
	gcc.Stdin = strings.NewReader("int main(void) { return 0; }\n")
	if out, err := gcc.CombinedOutput(); err != nil {
		return fmt.Errorf("compile true: %w: %s", err, out)
	}
	target := exec.Command("sleep", "600")
	target.SysProcAttr = &syscall.SysProcAttr{Cloneflags: uintptr(six), Pdeathsig: syscall.SIGKILL}
	runtime.LockOSThread() // the death signal is tied to this thread
	if err := target.Start(); err != nil {
		return fmt.Errorf("start target: %w", err)
	}
	defer target.Wait()
	defer target.Process.Kill()
	return measure(target.Process.Pid, program)
}

func measure(pid int, program string) error {
	set, err := ns.OfPID(pid, six)
	if err != nil {
		return err
	}
	defer set.Close()
	begun := time.Now()
	if err := nsenter.Command(set, program).Run(); err != nil {
		return err
	}
	first := time.Since(begun)
	contenders := ways(pid, set, program)
	for range rounds {
		for _, c := range contenders {
			begun := time.Now()
			if err := c.run(); err != nil {
				return fmt.Errorf("%s: %w", c.name, err)
			}
			c.times = append(c.times, time.Since(begun))
		}
	}
	print(contenders, first)
	return nil
}

func ways(pid int, set *ns.Set, program string) []*contender {
	target := strconv.Itoa(pid)
	return []*contender{
		{name: "nsenter(1) through os/exec", run: func() error {
			return exec.Command("nsenter", "-t", target, "-m", "-u", "-i", "-n", "-p", "-C", program).Run()
		}},
		{name: "nsenter.Command", run: func() error { return nsenter.Command(set, program).Run() }},
		{name: "nsenter.Command and ns.OfPID", run: func() error {
			set, err := ns.OfPID(pid, six)
			if err != nil {
				return err
			}
			defer set.Close()
			return nsenter.Command(set, program).Run()
		}},
		{name: "nsenter.Command, no namespace", run: func() error { return nsenter.Command(nil, program).Run() }},
		{name: "the command: nsexec exec", run: func() error {
			return exec.Command("../bin/nsexec", "exec", "-t", target, "-m", "-u", "-i", "-n", "-p", "-C", program).Run()
		}},
		{name: "plain os/exec, for comparison", run: func() error { return exec.Command(program).Run() }},
	}
}

func (c *contender) quantile(q float64) time.Duration {
	slices.Sort(c.times)
	return c.times[int(q*float64(len(c.times)-1))]
}

func print(contenders []*contender, first time.Duration) {
	var name unix.Utsname
	_ = unix.Uname(&name)
	load, _ := os.ReadFile("/proc/loadavg")
	fmt.Printf(`# One-shot, measured

Made by `+"`make build && cd bench && go run ./oneshot > ../docs/oneshot-benchmarks.md`"+` as root, on Linux %s, %d processors,
%s, at a load average of %s. Six namespaces (mnt uts ipc net pid cgroup), a static `+"`true`"+`, start to reaped, in
turn, %d rounds. The first call in the process, which makes the unwritable executable, took %.2f ms.

| | median, ms | 5 %% | / nsenter(1) |
|---|---|---|---|
`, unix.ByteSliceToString(name.Release[:]), runtime.NumCPU(), runtime.Version(), strings.Fields(string(load))[0], rounds,
		float64(first)/1e6)
	base := float64(contenders[0].quantile(0.5))
	for _, c := range contenders {
		median := c.quantile(0.5)
		fmt.Printf("| %s | %.2f | %.2f | %.2f |\n", c.name, float64(median)/1e6, float64(c.quantile(0.05))/1e6, float64(median)/base)
	}
}
