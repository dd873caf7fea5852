package ns

import (
	"strings"

	"nsexec/internal/procfs"
)

// pins reads one mount table for each mount namespace, the caller's own first.
func (l *lister) pins() {
	own := uint64(0)
	if self, err := procfs.OpenThread(); err == nil {
		own, _ = self.NS("mnt")
		l.mountTable(self, 0)
		self.Close()
	}
	for at, row := range l.rows {
		if at.t != Mount || row.PID == 0 || at.inode == own {
			continue
		}
		if p, err := procfs.OpenProcess(row.PID); err == nil {
			if inode, err := p.NS("mnt"); err == nil && inode == at.inode { // else the pid is another's by now
				l.mountTable(p, row.PID)
			}
			p.Close()
		}
	}
}

// mountTable looks for namespaces, whose mounts have the root "net:[4026532000]". One line is, as proc(5) says:
//
//	36 35 0:4 net:[4026532000] /run/netns/blue rw shared:7 - nsfs nsfs rw
func (l *lister) mountTable(p *procfs.Process, pid int) {
	table, err := p.MountInfo()
	if err != nil {
		return
	}
	for line := range strings.Lines(string(table)) {
		fields := strings.Fields(line)
		if len(fields) < 9 {
			continue
		}
		root, path, options := fields[3], fields[4], fields[len(fields)-1]
		if pid == 0 && path == "/proc" {
			l.listing.Hidden = strings.Contains(options, "hidepid=")
		}
		if at := parseLink(root); at.t != 0 {
			l.pin(at, Pin{Path: unescape(path), PID: pid})
		}
	}
}

// pin adds to the namespace's row, and makes one if the mount is all that keeps it alive. In another mount namespace
// we do not go after it.
func (l *lister) pin(at link, pin Pin) {
	row := l.rows[at]
	if row == nil && pin.PID == 0 {
		if fd, _, err := openPath(pin.Path); err == nil {
			row = l.adopt(fd)
		}
	}
	if row != nil && row.Type == at.t && row.ID.Ino == at.inode { // else covered by another mount
		row.Pins = append(row.Pins, pin)
	}
}

// unescape undoes what the mount table does to blanks, tabs, newlines and backslashes: \040, three octal digits.
func unescape(path string) string {
	return strings.NewReplacer(`\040`, " ", `\011`, "\t", `\012`, "\n", `\134`, `\`).Replace(path)
}
