//go:build linux && cgo

// Command function measures nsenter.Func.Call against starting the same program through os/exec, one beside the other
// in one run, and writes the figures as Markdown:
//
//	cd bench && go run ./function > ../docs/func-benchmarks.md
//
// It needs root.
package main

import (
	"bytes"
	"context"
	"errors"
	"fmt"
	"os"
	"os/exec"
	"strconv"

	"nsexec/bench/turns"
	"nsexec/ns"
	"nsexec/nsenter"
)

// rounds is how often all contenders take their turn.
const rounds = 300

// goal is what a call may cost, in starts of the same program.
const goal = 1.3

var echo = nsenter.NewFunc("echo", func(_ context.Context, in []byte) ([]byte, error) { return in, nil })

func main() {
	if nsenter.Init() {
		return
	}
	if len(os.Args) == 2 && os.Args[1] == "true" {
		return
	}
	if err := turns.WithTarget(turns.Six, measure); err != nil {
		fmt.Fprintln(os.Stderr, "function benchmark:", err)
		os.Exit(1)
	}
}

func measure(pid int) error {
	set, err := ns.OfPID(pid, turns.Six)
	if err != nil {
		return err
	}
	defer func() { _ = set.Close() }()
	contenders, err := ways(pid, set)
	if err != nil {
		return err
	}
	for _, c := range contenders { // the first call makes the unwritable executable
		if err := c.Run(); err != nil {
			return err
		}
	}
	if err := turns.Take(rounds, contenders); err != nil {
		return err
	}
	write(contenders)
	return nil
}

func ways(pid int, set *ns.Set) ([]*turns.Contender, error) {
	self, err := os.Executable()
	if err != nil {
		return nil, err
	}
	mebibyte := bytes.Repeat([]byte("nsenter "), 1<<17)
	call := func(set *ns.Set, in []byte) func() error {
		return func() error {
			out, err := echo.Call(context.Background(), set, in)
			if err == nil && !bytes.Equal(in, out) {
				err = errors.New("the result is not the input")
			}
			return err
		}
	}
	return []*turns.Contender{
		{Name: "os/exec, the same program doing nothing", Run: func() error { return exec.Command(self, "true").Run() }},
		{Name: "Func.Call, no namespace", Run: call(nil, nil)},
		{Name: "Func.Call, six namespaces", Run: call(set, nil)},
		{Name: "Func.Call, six namespaces, 1 MiB each way", Run: call(set, mebibyte)},
		{Name: "nsenter(1) through os/exec, six namespaces, the same program", Run: func() error {
			return exec.Command("nsenter", "-t", strconv.Itoa(pid), "-m", "-u", "-i", "-n", "-p", "-C", self, "true").Run()
		}},
	}, nil
}

func write(contenders []*turns.Contender) {
	fmt.Printf(`# A Go function, measured

Made by `+"`cd bench && go run ./function > ../docs/func-benchmarks.md`"+` as root, on %s.
Start to reaped, and the result compared, in turn, %d rounds. Six namespaces are mnt uts ipc net pid cgroup.

`, turns.Machine(), rounds)
	turns.Table("os/exec", contenders)
	base := float64(contenders[0].Quantile(0.5))
	fmt.Printf("\nThe goal is %.1f times os/exec: without namespaces it is %s, with six %s.\n", goal,
		verdict(float64(contenders[1].Quantile(0.5))/base), verdict(float64(contenders[2].Quantile(0.5))/base))
}

func verdict(ratio float64) string {
	if ratio <= goal {
		return "met"
	}
	return "not met"
}
