package cgroup

import (
	"os"
	"path/filepath"
	"slices"
	"strings"

	"nsexec/internal/procfs"
)

// Place is where a process is, in every hierarchy. It can still be asked about when the process is gone, of which
// /proc/PID/cgroup then says that it is in the root of each (version 1).
type Place struct {
	lines []string // of /proc/PID/cgroup
}

// Of returns the place of a process.
func Of(pid int) (Place, error) {
	text, err := procfs.ReadPID(pid, "cgroup")
	if err != nil {
		return Place{}, err
	}
	return Place{strings.Split(strings.TrimSpace(string(text)), "\n")}, nil
}

// Unknown tells a Place that nobody has asked for.
func (p Place) Unknown() bool { return p.lines == nil }

// A group is the directory of a cgroup, and of the root that it is under.
type group struct {
	dir, root string
}

// controlled is the process's cgroup of the hierarchy that has the controller: of version 1, or else the unified one.
func (p Place) controlled(controller string) (g group, ok bool) {
	if g, ok := p.versioned1(controller); ok {
		return g, true
	}
	return p.unified()
}

// versioned1 is the cgroup in a hierarchy of version 1 with that controller.
func (p Place) versioned1(controller string) (g group, ok bool) {
	has := func(list string) bool { return slices.Contains(strings.Split(list, ","), controller) }
	for _, line := range p.lines {
		if fields := strings.SplitN(line, ":", 3); len(fields) == 3 && has(fields[1]) {
			return find(fields[2], func(m procfs.Mount) bool { return m.Type == "cgroup" && has(m.Options) })
		}
	}
	return g, false
}

// unified is the cgroup of version 2.
func (p Place) unified() (g group, ok bool) {
	for _, line := range p.lines {
		if path, is := strings.CutPrefix(line, "0::"); is {
			return find(path, func(m procfs.Mount) bool { return m.Type == "cgroup2" })
		}
	}
	return g, false
}

// find looks for where a hierarchy is mounted, and so for a path in it. What lies outside of what this process may see
// ("/..") is not there for it.
func find(path string, is func(procfs.Mount) bool) (g group, ok bool) {
	self, err := procfs.OpenProcess(os.Getpid())
	if err != nil {
		return g, false
	}
	defer self.Close()
	mounts, err := self.Mounts()
	if err != nil {
		return g, false
	}
	for m := range mounts {
		below, inside := strings.CutPrefix(path, strings.TrimSuffix(m.Root, "/"))
		if !is(m) || !inside || below != "" && below[0] != '/' || strings.HasPrefix(below, "/..") {
			continue
		}
		dir := filepath.Join(m.Path, below)
		if _, err := os.Stat(filepath.Join(dir, "cgroup.procs")); err == nil {
			g, ok = group{dir: dir, root: m.Path}, true // the last one is on top
		}
	}
	return g, ok
}

// up calls fn with the directory of the cgroup, and of each above it, until fn returns true.
func (g group) up(fn func(dir string) (done bool)) {
	for dir := g.dir; !fn(dir) && dir != g.root && strings.HasPrefix(dir, g.root); {
		dir = filepath.Dir(dir)
	}
}
