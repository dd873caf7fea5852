//go:build linux && cgo

package main

import (
	_ "embed" // what profiles have shown
	"fmt"
	"os"
	"path/filepath"
	"strings"
	"time"

	"gonum.org/v1/plot"

	"nsexec/bench/turns"
)

// page is docs/benchmarks.md in the making.
type page struct {
	machine, load   string
	begun           time.Time
	body            strings.Builder
	plots           map[string]*plot.Plot
	floor, timeline string // of the section on where the time goes
}

//go:embed profile.md
var profile string

func (p *page) begin() {
	p.machine, p.load, p.begun = machine(), load(), time.Now()
	plot.DefaultFont.Variant = "Sans"
	p.plots = make(map[string]*plot.Plot)
}

func (p *page) section(title, text string) {
	fmt.Fprintf(&p.body, "\n## %s\n\n%s\n\n", title, text)
}

// table has a row for each contender, compared with base.
func (p *page) table(base *turns.Contender, contenders []*turns.Contender) {
	p.body.WriteString(table(base, contenders))
}

func table(base *turns.Contender, contenders []*turns.Contender) string {
	var b strings.Builder
	fmt.Fprintf(&b, "| | median, ms | / %s | p99, ms | p99 / p50 |\n|---|---|---|---|---|\n", base.Name)
	for _, c := range contenders {
		fmt.Fprintf(&b, "| %s | %.3f | %.2f | %.3f | %.2f |\n", c.Name,
			milliseconds(c), ratio(c, base), float64(c.Quantile(0.99))/1e6, tail(c))
	}
	return b.String()
}

// series is a way's contenders along an axis.
type series struct {
	name string
	at   []*turns.Contender
}

// matrix has a row for each series, and a column for each place on the axis.
func (p *page) matrix(header, format string, places []string, all []series, value func(*turns.Contender) float64) {
	fmt.Fprintf(&p.body, "| %s | %s |\n|---|%s\n", header, strings.Join(places, " | "), strings.Repeat("---|", len(places)))
	for _, s := range all {
		fmt.Fprintf(&p.body, "| %s |", s.name)
		for _, c := range s.at {
			fmt.Fprintf(&p.body, " "+format+" |", value(c))
		}
		p.body.WriteByte('\n')
	}
}

func milliseconds(c *turns.Contender) float64 { return float64(c.Quantile(0.5)) / 1e6 }

func perSecond(c *turns.Contender) float64 { return 1e9 / float64(c.Quantile(0.5)) }

func (p *page) whereTimeGoes(timeline string, plain, launcher *turns.Contender, floors []*turns.Contender) {
	p.timeline = timeline
	p.floor = table(plain, append([]*turns.Contender{plain, launcher}, floors...))
}

// write makes all files, once everything has been measured.
func (p *page) write(docs string, rounds int, f *figures) error {
	text := fmt.Sprintf(`# Measured against others

Made by `+"`make bench`"+` as root, on %s, in %s. All contenders of a table take turns, in another order each time, so
that whatever else the machine does befalls them alike: times differ between machines, and between runs; their ratios
less so. Medians of %d turns. Namespaces are six if nothing else is said: mnt uts ipc net pid cgroup. What is run is a
static C program that does nothing, from start to reaped.

| | |
|---|---|
%s| load, start | %s |
| load, end | %s |

## What has to be reached

%s%s
## Where the time goes

%s
The steps of a launcher's payload, as Cmd.Trace tells them, which takes a message each:

%s
%s
Other pages have [package ns](ns-benchmarks.md), with CNI's and lsns(8), and [functions](func-benchmarks.md).
`, p.begun.Format(time.DateOnly), time.Since(p.begun).Round(time.Second), rounds, p.machine, p.load, load(),
		f.table(), p.body.String(), p.floor, p.timeline, profile)
	plots := filepath.Join(docs, "benchmarks")
	if err := os.MkdirAll(plots, 0o755); err != nil {
		return err
	}
	for name, drawn := range p.plots {
		if err := drawn.Save(width, height, filepath.Join(plots, name+".svg")); err != nil {
			return fmt.Errorf("draw %s: %w", name, err)
		}
	}
	return os.WriteFile(filepath.Join(docs, "benchmarks.md"), []byte(text), 0o644)
}
