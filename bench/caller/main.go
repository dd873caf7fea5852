//go:build linux && cgo

// Command caller is a program that starts others, in several ways, when it is told to: what is measured is how its size
// matters, of its executable and of its memory. See turns.Worker.
package main

import (
	"context"
	"flag"
	"fmt"
	"os"
	"os/exec"
	"runtime"

	"nsexec/bench/turns"
	"nsexec/ns"
	"nsexec/nsenter"
)

var nothing = nsenter.NewFunc("nothing", func(context.Context, []byte) ([]byte, error) { return nil, nil })

func main() {
	if nsenter.Init() {
		return
	}
	pid := flag.Int("pid", 0, "enter the namespaces of this process")
	program := flag.String("program", "/bin/true", "start this `program`")
	mib := flag.Int("mib", 0, "hold that many `MiB` of memory")
	boot := flag.Bool("boot", false, "do nothing")
	flag.Parse()
	if *boot {
		return
	}
	held := touched(*mib)
	if err := serve(*pid, *program); err != nil {
		fmt.Fprintln(os.Stderr, "caller:", err)
		os.Exit(1)
	}
	runtime.KeepAlive(held)
}

// touched is so much memory that is really there.
func touched(mib int) []byte {
	memory := make([]byte, mib<<20)
	for i := 0; i < len(memory); i += os.Getpagesize() {
		memory[i] = 1
	}
	return memory
}

func serve(pid int, program string) error {
	set, err := ns.OfPID(pid, turns.Six)
	if err != nil {
		return err
	}
	defer func() { _ = set.Close() }()
	launcher, err := nsenter.NewLauncher()
	if err != nil {
		return err
	}
	defer func() { _ = launcher.Close() }()
	self, err := os.Executable()
	if err != nil {
		return err
	}
	byLauncher := launcher.Func(nothing)
	call := func(f *nsenter.Func, set *ns.Set) func() error {
		return func() error {
			_, err := f.Call(context.Background(), set, nil)
			return err
		}
	}
	return turns.Serve(map[string]func() error{
		"exec":               func() error { return exec.Command(program).Run() },
		"oneshot":            func() error { return nsenter.Command(set, program).Run() },
		"launcher":           func() error { return launcher.Command(set, program).Run() },
		"boot":               func() error { return exec.Command(self, "-boot").Run() },
		"call":               call(nothing, set),
		"call here":          call(nothing, nil),
		"launcher call":      call(byLauncher, set),
		"launcher call here": call(byLauncher, nil),
	})
}
