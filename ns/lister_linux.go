package ns

import (
	"errors"
	"slices"

	"golang.org/x/sys/unix"

	"nsexec/internal/nsfs"
	"nsexec/internal/procfs"
)

// lister collects rows. It belongs to one goroutine.
type lister struct {
	survey
	known drafts // what others have found before
	rows  map[link]*draft
	ids   map[uint64]*draft // the same by their 64-bit ids, where there are any
	kept  keptFiles

	found      drafts // the rows, in the end
	tables     []mountTable
	unreadable []int
	err        error // why there will be no answer at all
}

// link is what a link of procfs says about a namespace. All namespaces stand on one device. The number is given to
// another one when it has gone, which may be of another type.
type link struct {
	t     Type
	inode uint64
}

// work goes through some of the processes.
func (l *lister) work(pids *procfs.PIDReader) {
	defer l.kept.close()
	var page []int
	for l.err == nil {
		var err error
		if page, err = pids.Next(page[:0]); err != nil {
			l.err = err
		}
		if len(page) == 0 {
			break
		}
		for _, pid := range page {
			l.process(pid)
		}
	}
	l.found = l.sorted()
}

// fail notes that there were too few descriptors, or too little memory: what is missing for that would make the answer
// wrong. All other errors mean that something has gone, or is hidden.
func (l *lister) fail(err error) {
	if errors.Is(err, unix.EMFILE) || errors.Is(err, unix.ENFILE) || errors.Is(err, unix.ENOMEM) {
		l.err = err
	}
}

// find returns a row that there is already.
func (l *lister) find(at link) *draft {
	if row := l.rows[at]; row != nil {
		return row
	}
	return l.known.find(at)
}

func (l *lister) enter(row *draft) {
	l.rows[link{row.Type, row.ID.Ino}] = row
	if l.hasIDs {
		l.ids[row.ID64] = row
	}
}

func (l *lister) sorted() drafts {
	rows := make(drafts, 0, len(l.rows))
	for _, row := range l.rows {
		rows = append(rows, row)
	}
	slices.SortFunc(rows, (*draft).compare)
	return rows
}

// besides adds what no process has shown, or that there is no answer.
func (l *lister) besides(own mountTable) {
	defer l.kept.close()
	if l.err == nil {
		l.pins(own)
	}
	if l.err == nil {
		l.rest()
	}
}

// rest adds what the kernel has and procfs does not show.
func (l *lister) rest() {
	var known map[uint64]bool
	for id := range nsfs.IDsOfAll() {
		if known == nil {
			known = merge(l.known, l.sorted()).ids()
		}
		if known[id] {
			continue
		}
		fd, err := nsfs.OpenByID(id, 0, 0)
		if err == nil { // else gone, or not for us
			l.adopt(fd)
		}
		l.fail(err)
	}
}
