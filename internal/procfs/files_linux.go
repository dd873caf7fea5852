package procfs

import (
	"strconv"

	"golang.org/x/sys/unix"

	"nsexec/internal/raw"
)

// Files calls fn with each open file: its number, and what its link says, such as "net:[4026532000]" or
// "socket:[4711]". Paths are left out.
//
// The numbers of most processes' files have no gap, and from Linux 6.2 the directory's size is how many there are: if
// they are all there from 0 on, the directory need not be read, which takes longer than reading the links.
func (p *Process) Files(fn func(fd int, target string)) error {
	var st unix.Stat_t
	if err := unix.Fstatat(p.dir, "fd", &st, 0); err != nil {
		return err
	}
	files := fileReader{p.dir, "fd/", fn}
	if st.Size > 8 { // about as many are worth it
		dir, err := openDir(p.dir, "fd")
		if err != nil {
			return err
		}
		defer raw.Close(dir)
		files = fileReader{dir, "", fn}
	}
	next := 0
	for next < int(st.Size) && files.read(next) {
		next++
	}
	if next > 0 && next == int(st.Size) {
		return nil
	}
	names, err := list(p.dir, "fd")
	if err != nil {
		return err
	}
	for _, name := range names {
		if fd, err := strconv.Atoi(name); err == nil && fd >= next {
			files.read(fd)
		}
	}
	return nil
}

// fileReader reads the links of open files.
type fileReader struct {
	dir    int
	prefix string
	fn     func(fd int, target string)
}

// read tells whether there is such a file.
func (r *fileReader) read(fd int) bool {
	var path, target [64]byte // longer targets are paths, which nobody here asks for
	n, err := raw.Readlinkat(r.dir, string(strconv.AppendInt(append(path[:0], r.prefix...), int64(fd), 10)), target[:])
	if err == nil && n < len(target) && target[0] != '/' {
		r.fn(fd, string(target[:n]))
	}
	return err == nil
}
