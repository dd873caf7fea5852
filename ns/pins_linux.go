package ns

import (
	"cmp"
	"slices"
	"strings"

	"nsexec/internal/procfs"
)

// mountTable is what the mount table of a mount namespace says.
type mountTable struct {
	of  link // the mount namespace
	pid int  // a process in it, whose table this is; 0 for the caller's own

	pins    []pinned
	hidepid bool // of what is mounted at /proc
}

// pinned is a bind mount of a namespace.
type pinned struct {
	at   link
	path string
}

// mountTable looks for namespaces, whose mounts have the root "net:[4026532000]".
func (l *lister) mountTable(p *procfs.Process) (table mountTable) {
	mounts, err := p.Mounts()
	l.fail(err)
	for m := range mounts {
		if m.Path == "/proc" {
			table.hidepid = strings.Contains(m.Options, "hidepid=")
		}
		if at := parseLink(m.Root); at.t != 0 {
			table.pins = append(table.pins, pinned{at, m.Path})
		}
	}
	return table
}

// mounts reads the mount table of p's mount namespace, of which it is the first member.
func (l *lister) mounts(p *subject, row *draft) {
	table := l.mountTable(p.Process)
	if len(table.pins) > 0 {
		table.of, table.pid = link{Mount, row.ID.Ino}, p.PID
		l.tables = append(l.tables, table)
	}
}

// pins adds what the mount tables say, the caller's own first. Several listers may have read the same one.
func (l *lister) pins(own mountTable) {
	l.pin(own)
	slices.SortFunc(l.tables, func(a, b mountTable) int { return cmp.Compare(a.pid, b.pid) })
	for _, table := range l.tables {
		if row := l.find(table.of); row != nil && row.PID == table.pid {
			l.pin(table)
		}
	}
}

// pin adds to the namespaces' rows, and makes one if the mount is all that keeps it alive. In another mount namespace
// we do not go after it.
func (l *lister) pin(table mountTable) {
	for _, pinned := range table.pins {
		row := l.find(pinned.at)
		if row == nil && table.pid == 0 {
			fd, t, err := openPath(pinned.path)
			if err == nil {
				row = l.adoptType(fd, t)
			}
			l.fail(err)
		}
		if row != nil && row.Type == pinned.at.t && row.ID.Ino == pinned.at.inode { // else covered by another mount
			row.Pins = append(row.Pins, Pin{Path: pinned.path, PID: table.pid})
		}
	}
}
