//go:build linux && cgo

package main

import (
	"fmt"
	"strconv"

	"nsexec/bench/turns"
)

// sizes are those of callers, the last one being the largest.
var sizes = []struct{ megabytes, gib int }{{5, 0}, {60, 0}, {5, 1}, {5, 4}}

// callers compares callers of different sizes. The first one has functions for payloads, too.
func (b *bench) callers() error {
	all := []series{{name: "os/exec"}, {name: "launcher"}, {name: "nsenter.Command"}}
	var contenders, functions []*turns.Contender
	var places []string
	for i, size := range sizes {
		worker, err := b.startCaller(size.megabytes, size.gib)
		if err != nil {
			return err
		}
		defer worker.Close()
		place := fmt.Sprintf("%d MB, %d GiB", size.megabytes, size.gib)
		places = append(places, place)
		for i, way := range []string{"exec", "launcher", "oneshot"} {
			c := worker.Contender(all[i].name+", "+place, way)
			all[i].at = append(all[i].at, c)
			contenders = append(contenders, c)
		}
		if i == 0 {
			functions = functionsOf(worker)
		}
	}
	if err := turns.Take(b.rounds, append(contenders, functions...)); err != nil {
		return err
	}
	b.figures.ofHeap(all[1].at[0], all[1].at[len(sizes)-1])
	b.page.section("The caller's size", `That of its executable, and of its memory, every page of which has been written to. Each is a process that takes its
turn.`)
	b.page.matrix("ms", "%.3f", places, all, milliseconds)
	if err := b.drawHeap(all); err != nil {
		return err
	}
	b.page.section("A Go function as payload", `In the caller of 5 MB. To boot the Go runtime is most of it: the first row is the same program, started to do nothing.`)
	b.page.table(functions[0], functions)
	return nil
}

// drawHeap leaves out the large executable.
func (b *bench) drawHeap(all []series) error {
	along := axis{name: "the caller's heap, GiB", places: []float64{0, 1, 4}}
	var drawn []series
	for _, s := range all {
		drawn = append(drawn, series{s.name, []*turns.Contender{s.at[0], s.at[2], s.at[3]}})
	}
	return b.page.lines("heap", "Start to reaped, median, by the caller's heap", "ms", along, drawn, milliseconds)
}

func (b *bench) startCaller(megabytes, gib int) (*turns.Worker, error) {
	program, err := buildCaller(b.dir, int64(megabytes)*1e6)
	if err != nil {
		return nil, err
	}
	return turns.StartWorker(program, "-pid", strconv.Itoa(b.pid), "-program", b.program, "-mib", strconv.Itoa(gib*b.gib))
}

func functionsOf(worker *turns.Worker) []*turns.Contender {
	return []*turns.Contender{
		worker.Contender("os/exec, the same program", "boot"),
		worker.Contender("Func.Call, no namespace", "call here"),
		worker.Contender("Func.Call", "call"),
		worker.Contender("Func.Call by launcher, no namespace", "launcher call here"),
		worker.Contender("Func.Call by launcher", "launcher call"),
	}
}
