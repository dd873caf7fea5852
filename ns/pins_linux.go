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

// mountTable looks for namespaces, whose mounts have the root "net:[4026532000]".
func (l *lister) mountTable(p *procfs.Process, pid int) {
	mounts, err := p.Mounts()
	if err != nil {
		return
	}
	for m := range mounts {
		if pid == 0 && m.Path == "/proc" {
			l.listing.Hidden = strings.Contains(m.Options, "hidepid=")
		}
		if at := parseLink(m.Root); at.t != 0 {
			l.pin(at, Pin{Path: m.Path, PID: pid})
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
