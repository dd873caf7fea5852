package procfs

import (
	"bytes"
	"strconv"
	"strings"

	"golang.org/x/sys/unix"
)

// Process is the open directory of a process: all answers are about one process, even if its pid is given to another one
// meanwhile. It is made for going through all of them: a few microseconds each.
type Process struct {
	PID int
	dir int
	ns  int // the directory in it, because every step of a path costs as much as what is at its end
}

// newProcess takes over dir.
func newProcess(pid, dir int) (*Process, error) {
	ns, err := openDir(dir, "ns", unix.O_NOFOLLOW)
	if err != nil {
		unix.Close(dir)
		return nil, err
	}
	return &Process{PID: pid, dir: dir, ns: ns}, nil
}

// Close closes the directory.
func (p *Process) Close() {
	unix.Close(p.ns)
	unix.Close(p.dir)
}

// NS returns the inode number of the process's namespace. EACCES: no right to ptrace it. ENOENT: a zombie, or the kernel
// has no such type.
func (p *Process) NS(name string) (uint64, error) { return linkInode(p.ns, name) }

// OpenNS opens the process's namespace.
func (p *Process) OpenNS(name string) (int, error) { return follow(p.ns, name) }

// OpenFile opens a file that the process has open, if opening it again is harmless: it is for namespaces.
func (p *Process) OpenFile(fd int) (int, error) { return follow(p.dir, "fd/"+strconv.Itoa(fd)) }

func follow(dir int, link string) (int, error) {
	return unix.Openat(dir, link, unix.O_RDONLY|unix.O_CLOEXEC|unix.O_NONBLOCK|unix.O_NOCTTY, 0)
}

// UID returns the owner of the process's directory: its effective user id, or 0 if the process is not dumpable. -1: the
// process has gone.
func (p *Process) UID() int {
	var st unix.Stat_t
	if unix.Fstat(p.dir, &st) != nil {
		return -1
	}
	return int(st.Uid)
}

// Command returns the command line, its arguments separated by blanks; for a kernel thread its name.
func (p *Process) Command() string {
	if line, err := p.read("cmdline"); err == nil && len(line) > 0 {
		return strings.TrimSpace(string(bytes.ReplaceAll(line, []byte{0}, []byte{' '})))
	}
	name, _ := p.read("comm") // it has died: no name
	return strings.TrimSpace(string(name))
}

// MountInfo returns the process's mount table as /proc/PID/mountinfo has it.
func (p *Process) MountInfo() ([]byte, error) { return p.read("mountinfo") }

// NSpid returns the process's numbers, from procfs's own pid namespace down to the process's.
func (p *Process) NSpid() ([]int, error) {
	data, err := p.read("status")
	if err != nil {
		return nil, err
	}
	var numbers []int
	for _, text := range strings.Fields(field(data, "NSpid:")) {
		n, err := strconv.Atoi(text)
		if err != nil {
			return nil, err
		}
		numbers = append(numbers, n)
	}
	return numbers, nil
}

// Threads calls fn with each thread but the first one, as a Process.
func (p *Process) Threads(fn func(*Process)) error {
	var st unix.Stat_t
	if err := unix.Fstatat(p.dir, "task", &st, 0); err != nil {
		return err
	}
	if st.Nlink == 3 { // itself, its parent, one thread: most processes, and four times cheaper to know
		return nil
	}
	names, err := list(p.dir, "task")
	if err != nil {
		return err
	}
	for _, name := range names {
		tid, err := strconv.Atoi(name)
		if err != nil || tid == p.PID {
			continue
		}
		dir, err := openDir(p.dir, "task/"+name, unix.O_NOFOLLOW)
		if err != nil {
			continue // it has just ended
		}
		if t, err := newProcess(tid, dir); err == nil {
			fn(t)
			t.Close()
		}
	}
	return nil
}

func (p *Process) read(name string) ([]byte, error) { return readAll(p.dir, name) }
