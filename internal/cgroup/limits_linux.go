package cgroup

import (
	"math"
	"os"
	"path/filepath"
	"strconv"
	"strings"
)

// Limit is one of a cgroup's, which holds for all below it as well.
type Limit struct {
	Dir  string // the cgroup's
	Max  int
	Used int
}

// Processes returns the limit that leaves the least room for more processes (pids.max). ok is false if there is none.
func (p Place) Processes() (least Limit, ok bool) {
	g, _ := p.controlled("pids")
	g.up(func(dir string) bool {
		l := Limit{Dir: dir, Max: number(dir, "pids.max"), Used: number(dir, "pids.current")}
		if l.Max >= 0 && (!ok || l.Max-l.Used < least.Max-least.Used) {
			least, ok = l, true
		}
		return false
	})
	return least, ok
}

// unlimited is above all that one can mean: version 1 has no "max", but a number of that size.
const unlimited = 1 << 60

// Memory returns the nearest limit of memory, and how many processes of this very cgroup the kernel has killed because
// there was no more. ok is false if there is no limit.
func (p Place) Memory() (limit Limit, kills int, ok bool) {
	g, _ := p.controlled("memory")
	g.up(func(dir string) bool {
		limit.Dir = dir
		for most, now := range map[string]string{"memory.max": "memory.current", "memory.limit_in_bytes": "memory.usage_in_bytes"} {
			if limit.Max = number(dir, most); limit.Max >= 0 && limit.Max < unlimited {
				limit.Used, ok = number(dir, now), true
				break
			}
		}
		return ok
	})
	kills = max(keyed(g.dir, "memory.events", "oom_kill"), keyed(g.dir, "memory.oom_control", "oom_kill"), 0)
	return limit, kills, ok
}

// Frozen returns the cgroup that keeps the process from running, or "". In one of version 1 it does not even die until
// it is thawed.
func (p Place) Frozen() (dir string, untilThawed bool) {
	if g, ok := p.versioned1("freezer"); ok {
		if state := read(g.dir, "freezer.state"); state != "" && state != "THAWED" {
			return g.dir, true
		}
	}
	if g, ok := p.unified(); ok && keyed(g.dir, "cgroup.events", "frozen") == 1 {
		return g.dir, false
	}
	return "", false
}

// read is for the directory of a cgroup that was found: else there is nothing to be read.
func read(dir, name string) string {
	if dir == "" {
		return ""
	}
	text, _ := os.ReadFile(filepath.Join(dir, name))
	return strings.TrimSpace(string(text))
}

// number is -1 where there is none: no such file, or "max".
func number(dir, name string) int {
	n, err := strconv.ParseUint(read(dir, name), 10, 64)
	if err != nil {
		return -1
	}
	return int(min(n, math.MaxInt))
}

// keyed is the number behind a key in a file of keys, or -1.
func keyed(dir, name, key string) int {
	for line := range strings.Lines(read(dir, name)) {
		if fields := strings.Fields(line); len(fields) == 2 && fields[0] == key {
			if n, err := strconv.Atoi(fields[1]); err == nil {
				return n
			}
		}
	}
	return -1
}
