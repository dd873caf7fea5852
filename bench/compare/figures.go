//go:build linux && cgo

package main

import (
	"fmt"
	"strings"

	"nsexec/bench/turns"
)

// figure is a ratio that has to be reached.
type figure struct {
	name       string
	must, goal float64
	atLeast    bool // rather than at most
	got        float64
	known      bool // the peer was there
}

// figures are named for where they come from.
type figures struct {
	plain, util, oneshot, runc, heap, namespaces, throughput, tail figure
}

func ratio(a, b *turns.Contender) float64 {
	return float64(a.Quantile(0.5)) / float64(b.Quantile(0.5))
}

func tail(c *turns.Contender) float64 {
	return float64(c.Quantile(0.99)) / float64(c.Quantile(0.5))
}

func (f *figures) ofWays(plain, launcher, util, oneshot *turns.Contender, runtimes []*turns.Contender) {
	f.plain = figure{name: "launcher / os/exec", must: 1.10, goal: 0.95, got: ratio(launcher, plain), known: true}
	f.util = figure{name: "nsenter(1) / launcher", must: 3, goal: 4, atLeast: true, got: ratio(util, launcher), known: true}
	f.oneshot = figure{name: "nsenter.Command / nsenter(1), not the first", must: 0.80, goal: 0.65, got: ratio(oneshot, util), known: true}
	f.runc = figure{name: "runc exec / launcher", must: 15, goal: 25, atLeast: true}
	for _, c := range runtimes {
		if c.Name == "runc exec" {
			f.runc.got, f.runc.known = ratio(c, launcher), true
		}
	}
	f.tail = figure{name: "p99 / p50, one at a time: launcher's / os/exec's", must: 1.15, goal: 1,
		got: tail(launcher) / tail(plain), known: true}
}

func (f *figures) ofHeap(empty, full *turns.Contender) {
	f.heap = figure{name: "launcher of a 4 GiB caller / of an empty one", must: 1.05, goal: 1, got: ratio(full, empty), known: true}
}

// ofNamespaces takes the launcher's times by number of namespaces.
func (f *figures) ofNamespaces(launcher []*turns.Contender) {
	f.namespaces = figure{name: "launcher: six namespaces / one", must: 1.10, goal: 1.02, got: ratio(launcher[6], launcher[1]), known: true}
}

// ofThroughput takes the times for one program, at 1, 2, 8 and 64 at once.
func (f *figures) ofThroughput(plain, launcher []*turns.Contender) {
	f.throughput = figure{name: "throughput at 8 / at 1: launcher's / os/exec's", must: 1, goal: 1.2, atLeast: true,
		got: ratio(launcher[0], launcher[2]) / ratio(plain[0], plain[2]), known: true}
}

func (f *figure) reaches(bar float64) bool {
	if f.atLeast {
		return f.got >= bar
	}
	return f.got <= bar
}

func (f *figure) verdict() string {
	switch {
	case !f.known:
		return "not measured"
	case f.reaches(f.goal):
		return "goal met"
	case f.reaches(f.must):
		return "met"
	}
	return "**missed**"
}

func (f *figures) table() string {
	var b strings.Builder
	b.WriteString("| ratio of medians | must | goal | measured | |\n|---|---|---|---|---|\n")
	for _, f := range []figure{f.plain, f.util, f.oneshot, f.runc, f.heap, f.namespaces, f.throughput, f.tail} {
		sign := "≤"
		if f.atLeast {
			sign = "≥"
		}
		fmt.Fprintf(&b, "| %s | %s %.2f | %s %.2f | %.2f | %s |\n", f.name, sign, f.must, sign, f.goal, f.got, f.verdict())
	}
	return b.String()
}
