//go:build linux

// Command ns measures package ns against its peers, one beside the other in one run, and writes the figures as Markdown:
//
//	cd bench && go build -o ../.build/ ./ns && chrt -f 1 unshare --pid --fork --mount-proc ../.build/ns [LSNS]... > ../docs/ns-benchmarks.md
//
// LSNS are versions of lsns(8) to compare with, instead of the one on PATH. It needs root. chrt keeps the machine's other
// work away from all contenders alike: List uses all processors, and would lose more to it. (Building
// is done before: a linker that has all processors in real time was seen to starve itself.) The pid namespace keeps the
// host's other processes out of the listings.
package main

import (
	"fmt"
	"os"
	"runtime"
	"slices"
	"strings"
	"time"

	"golang.org/x/sys/unix"
)

// contender is one way to do something.
type contender struct {
	name string
	run  func(n int) error // n times
	n    int               // how often in one round

	rounds []time.Duration // for one time
}

// rounds is how often all contenders take their turn: noise then hits them alike, and the median forgets it.
const rounds = 31

func main() {
	if err := report(); err != nil {
		fmt.Fprintln(os.Stderr, "ns benchmarks:", err)
		os.Exit(1)
	}
}

func report() error {
	var name unix.Utsname
	if err := unix.Uname(&name); err != nil {
		return err
	}
	fmt.Printf(`# Package ns, measured

Made by `+"`cd bench && go build -o ../.build/ ./ns && chrt -f 1 unshare --pid --fork --mount-proc ../.build/ns [LSNS]... > ../docs/ns-benchmarks.md`"+` as root, on
Linux %s, %d processors, %s, at a load average of %s. Times are medians of %d rounds (15 for listings) in which
all rows of a table take turns; the ratio is that of the medians. Machines differ, ratios less so.

`, unix.ByteSliceToString(name.Release[:]), runtime.NumCPU(), runtime.Version(), load(), rounds)
	for _, part := range []func() error{visits, opening, listing} {
		if err := part(); err != nil {
			return err
		}
	}
	return nil
}

// load is how busy the machine is with other things.
func load() string {
	text, err := os.ReadFile("/proc/loadavg")
	if err != nil {
		return "not known"
	}
	one, _, _ := strings.Cut(string(text), " ")
	return one
}

// race lets the contenders take turns.
func race(contenders []*contender, rounds int) error {
	for round := range rounds + 1 {
		for _, c := range contenders {
			start := time.Now()
			if err := c.run(c.n); err != nil {
				return fmt.Errorf("%s: %w", c.name, err)
			}
			if round > 0 { // the first one warms up
				c.rounds = append(c.rounds, time.Since(start)/time.Duration(c.n))
			}
		}
	}
	return nil
}

func (c *contender) median() time.Duration { return median(c.rounds) }

func median(times []time.Duration) time.Duration {
	slices.Sort(times)
	return times[len(times)/2]
}

// table prints how much faster each contender is than the first one.
func table(title string, contenders []*contender) {
	base := contenders[0]
	fmt.Printf("## %s\n\n| | median | %s / this |\n|---|---|---|\n", title, base.name)
	for _, c := range contenders {
		fmt.Printf("| %s | %s | %.1f |\n", c.name, pretty(c.median()), float64(base.median())/float64(c.median()))
	}
	fmt.Println()
}

func pretty(d time.Duration) string {
	if d >= time.Millisecond {
		return fmt.Sprintf("%.1f ms", float64(d)/1e6)
	}
	return fmt.Sprintf("%.2f us", float64(d)/1e3)
}
