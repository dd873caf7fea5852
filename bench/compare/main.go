//go:build linux && cgo

// Command compare measures every way to run a program in a target's namespaces, one beside the other in one run, and
// writes docs/benchmarks.md with its plots. `make bench` runs it.
//
// It needs root, gcc and go; peers that are not on PATH are left out.
package main

import (
	"flag"
	"fmt"
	"os"

	"nsexec/bench/turns"
	"nsexec/ns"
	"nsexec/nsenter"
)

func main() {
	if nsenter.Init() {
		return
	}
	b := &bench{gib: 1 << 10, runtimes: []string{"crun", "runc"}}
	flag.IntVar(&b.rounds, "n", 300, "let each take so many turns")
	docs := flag.String("docs", "../docs", "write benchmarks.md and benchmarks/*.svg to this `directory`")
	flag.Parse()
	if err := b.compare(*docs); err != nil {
		fmt.Fprintln(os.Stderr, "benchmark:", err)
		os.Exit(1)
	}
}

// bench is one run.
type bench struct {
	rounds   int
	gib      int      // in MiB: a test has no room for real ones
	runtimes []string // those that are on PATH count

	dir      string // for what is built
	program  string // a static true
	pid      int    // the target
	set      *ns.Set
	launcher *nsenter.Launcher

	figures figures
	page    page
}

// compare measures, and writes only what is complete.
func (b *bench) compare(docs string) error {
	dir, err := os.MkdirTemp("", "bench-")
	if err != nil {
		return err
	}
	defer func() { _ = os.RemoveAll(dir) }()
	if err := os.Chmod(dir, 0o755); err != nil { // for root of a user namespace
		return err
	}
	b.dir = dir
	if b.program, err = compileC(dir, "true", trueC); err != nil {
		return err
	}
	b.page.begin()
	if err := turns.WithTarget(turns.Six, b.measure); err != nil {
		return err
	}
	return b.page.write(docs, b.rounds, &b.figures)
}

// measure is called with the target.
func (b *bench) measure(pid int) (err error) {
	b.pid = pid
	if b.set, err = ns.OfPID(pid, turns.Six); err != nil {
		return err
	}
	defer func() { _ = b.set.Close() }()
	if b.launcher, err = nsenter.NewLauncher(); err != nil {
		return err
	}
	defer func() { _ = b.launcher.Close() }()
	for _, part := range []func() error{b.ways, b.namespaces, b.callers, b.throughput, b.creation} {
		if err := part(); err != nil {
			return err
		}
	}
	return nil
}
