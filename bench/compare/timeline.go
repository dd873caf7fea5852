//go:build linux && cgo

package main

import (
	"fmt"
	"slices"
	"strings"
	"time"

	"nsexec/nsenter"
)

// timeline is when a launcher's payload takes its steps, on the median, as Markdown. To tell takes some time itself.
func (b *bench) timeline() (string, error) {
	var order []string
	times := make(map[string][]time.Duration)
	note := func(what string, since time.Duration) {
		if times[what] == nil {
			order = append(order, what)
		}
		times[what] = append(times[what], since)
	}
	for range b.rounds {
		c := b.launcher.Command(b.set, b.program)
		c.Trace = func(s nsenter.Step) { note(fmt.Sprintf("%s: %s", s.Stage, s.Op), s.Since) }
		begun := time.Now()
		if err := c.Start(); err != nil {
			return "", err
		}
		note("Start returns", time.Since(begun))
		if err := c.Wait(); err != nil {
			return "", err
		}
		note("Wait returns", time.Since(begun))
	}
	var table strings.Builder
	table.WriteString("| step | us since Start |\n|---|---|\n")
	for _, what := range order {
		slices.Sort(times[what])
		fmt.Fprintf(&table, "| %s | %d |\n", what, times[what][len(times[what])/2].Microseconds())
	}
	return table.String(), nil
}
