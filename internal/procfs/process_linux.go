package procfs

import (
	"bytes"
	"errors"
	"strconv"
	"strings"

	"golang.org/x/sys/unix"

	"nsexec/internal/raw"
)

// Process is the open directory /proc/PID. All answers are about one process, even if its pid is given to another one
// meanwhile. It is made for going through all of them: a microsecond or two for each answer.
type Process struct {
	PID int
	dir int // not open for a thread that Threads found
	ns  int // its namespaces; not open until it is asked for
}

const notOpen = -1

// Close closes the directories.
func (p *Process) Close() {
	for _, dir := range []int{p.dir, p.ns} {
		if dir != notOpen {
			raw.Close(dir)
		}
	}
}

// namespaces opens the directory from which the namespaces are but one step.
func (p *Process) namespaces() (dir int, err error) {
	if p.ns == notOpen {
		p.ns, err = openDir(p.dir, "ns")
	}
	if errors.Is(err, unix.EPERM) { // hidepid=1
		err = unix.EACCES
	}
	return p.ns, err
}

// NS returns the inode number of the process's namespace. EACCES: no right to ptrace it. ENOENT: a zombie, or the kernel
// has no such type.
func (p *Process) NS(name string) (uint64, error) {
	dir, err := p.namespaces()
	if err != nil {
		return 0, err
	}
	return linkInode(dir, name)
}

// OpenNS opens the process's namespace.
func (p *Process) OpenNS(name string) (int, error) {
	dir, err := p.namespaces()
	if err != nil {
		return -1, err
	}
	return raw.Openat(dir, name, unix.O_RDONLY)
}

// OpenFile opens a file that the process has open, if opening it again is harmless: it is for namespaces.
func (p *Process) OpenFile(fd int) (int, error) {
	flags := unix.O_RDONLY | unix.O_CLOEXEC | unix.O_NONBLOCK | unix.O_NOCTTY
	return unix.Openat(p.dir, "fd/"+strconv.Itoa(fd), flags, 0) // another file by now? That may take its time.
}

// Task returns the process's effective user id, which the directory of its threads belongs to, and how many threads
// it has. -1, 0: it has gone.
func (p *Process) Task() (uid, threads int) {
	var st unix.Stat_t
	if unix.Fstatat(p.dir, "task", &st, 0) != nil {
		return -1, 0
	}
	return int(st.Uid), int(st.Nlink) - 2 // itself and its parent
}

// Command returns the command line, its arguments separated by blanks; for a kernel thread or a zombie its name.
func (p *Process) Command() (string, error) {
	var buf [1024]byte
	line, err := p.commandLine(buf[:])
	if err == nil && len(line) == 0 {
		line, err = p.read("comm")
	}
	for i, c := range line {
		if c == 0 {
			line[i] = ' '
		}
	}
	return string(bytes.TrimSpace(line)), err
}

// commandLine needs no second read to be told that this was all: it is no sequence of records.
func (p *Process) commandLine(buf []byte) ([]byte, error) {
	fd, err := openFile(p.dir, "cmdline")
	if err != nil {
		return nil, err
	}
	defer raw.Close(fd)
	n, err := unix.Read(fd, buf)
	if n == len(buf) {
		return p.read("cmdline")
	}
	return buf[:max(n, 0)], err
}

// NSpid returns the process's numbers, from procfs's own pid namespace down to the process's.
func (p *Process) NSpid() ([]int, error) {
	data, err := p.read("status")
	if err != nil {
		return nil, err
	}
	return parseNumbers(Field(data, "NSpid:"))
}

func parseNumbers(text string) (numbers []int, err error) {
	for _, field := range strings.Fields(text) {
		n, err := strconv.Atoi(field)
		if err != nil {
			return nil, err
		}
		numbers = append(numbers, n)
	}
	return numbers, nil
}

// Threads calls fn with each thread but the first one, as a Process.
func (p *Process) Threads(fn func(*Process)) error {
	names, err := list(p.dir, "task")
	if err != nil {
		return err
	}
	for _, name := range names {
		tid, err := strconv.Atoi(name)
		if err != nil || tid == p.PID {
			continue
		}
		ns, err := openDir(p.dir, "task/"+name+"/ns")
		if errors.Is(err, unix.ENOENT) { // it has just ended
			continue
		}
		if err != nil {
			return err
		}
		t := &Process{PID: tid, dir: notOpen, ns: ns}
		fn(t)
		t.Close()
	}
	return nil
}

func (p *Process) read(name string) ([]byte, error) { return readAll(p.dir, name) }
