package ns

import "nsexec/internal/raw"

// keptFiles are open files of namespaces that have been met twice. As long as one is open, the kernel opens the
// namespace again by what it has made for that; else it makes an inode each time, which takes twice as long. They are
// few, lest the program have too few left: the one kept for longest gives way.
type keptFiles struct {
	files [32]struct {
		row *draft
		fd  int
	}
	next int
}

// keep takes over a file of the row's namespace, and returns one to close.
func (k *keptFiles) keep(row *draft, fd int) int {
	if row.kept {
		return fd
	}
	place := &k.files[k.next%len(k.files)]
	k.next++
	oldest := *place
	place.row, place.fd = row, fd
	row.kept = true
	if oldest.row == nil {
		return notOpen
	}
	oldest.row.kept = false
	return oldest.fd
}

func (k *keptFiles) close() {
	for _, file := range k.files {
		if file.row != nil {
			raw.Close(file.fd)
		}
	}
}
