//go:build linux && cgo

// Command sweep proves that no Start hangs, leaks, or fails without saying why, whatever fails on its way.
//
// It learns which system calls a caller, its stages and its launcher make between Start and exec. Then it starts again,
// once for each of them and each thing that may go wrong there: the call fails, takes 50 ms, or its process is killed or
// stopped; or the caller is. A seccomp filter asks the sweep before each call (seccomp_unotify(2)), which answers in
// about 20 us, and counts over the whole tree. `make sweep` runs it, and writes the table in docs/reliability.md.
package main

import (
	"flag"
	"fmt"
	"os"
	"runtime"

	"nsexec/nsenter"
)

func main() {
	if nsenter.Init() {
		return
	}
	if ran, err := playRole(); ran {
		end(err)
		return
	}
	docs := flag.String("docs", "", "replace the table in reliability.md in this `directory`")
	only := flag.String("only", "", "sweep this `scenario` only")
	workers := flag.Int("j", 3*runtime.NumCPU(), "sweep so many `scenarios` at a time: each takes a third of a processor")
	flag.Parse()
	end(sweepAll(*docs, *only, *workers))
}

func end(err error) {
	if err != nil {
		fmt.Fprintln(os.Stderr, "sweep:", err)
		os.Exit(1)
	}
}

// roleVariable makes the program one of the processes of a sweep instead. Stages do not have it: they get none of the
// caller's environment but what loading the program again takes.
const roleVariable = "NSEXEC_SWEEP_ROLE"

// playRole runs the role that this process has, if it has one.
func playRole() (ran bool, err error) {
	roles := map[string]func([]string) error{
		"driver": runDriver, // sweeps one scenario
		"holder": runHolder, // holds the target
		"shim":   runShim,   // installs the filter, and becomes the caller
		"caller": runCaller, // starts payloads
	}
	role := roles[os.Getenv(roleVariable)]
	if role == nil {
		return false, nil
	}
	return true, role(os.Args[1:])
}
