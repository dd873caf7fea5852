//go:build linux && cgo

package main

import (
	"bytes"
	"errors"
	"fmt"
	"io"
	"os"

	"github.com/cyphar/filepath-securejoin/pathrs-lite/procfs"
	"golang.org/x/sys/unix"

	"nsexec/ns"
)

// target is a process by its directory in procfs, from which nothing can be opened any more once the process is
// gone, whoever has its pid then. Opened before a set of the same pid, and used after it, it is certainly the
// process of that set.
type target struct {
	pid int
	dir *os.File
}

func openTarget(pid int) (*target, error) {
	proc, err := procfs.OpenProcRoot()
	if err != nil {
		return nil, fmt.Errorf("open procfs: %w", err)
	}
	defer proc.Close()
	dir, err := proc.OpenPid(pid, ".")
	if errors.Is(unix.Kill(pid, 0), unix.ESRCH) {
		err = ns.ErrProcessGone
	}
	if err != nil {
		return nil, fmt.Errorf("open process %d: %w", pid, err)
	}
	return &target{pid: pid, dir: dir}, nil
}

func (t *target) close() { t.dir.Close() }

// openDir opens the directory that a link such as "root" or "cwd" leads to.
func (t *target) openDir(link string) (*os.File, error) {
	return t.open(link, unix.O_PATH|unix.O_DIRECTORY)
}

// environ is the environment that the process was started with.
func (t *target) environ() ([]string, error) {
	file, err := t.open("environ", unix.O_RDONLY)
	if err != nil {
		return nil, err
	}
	defer file.Close()
	text, err := io.ReadAll(file)
	if err != nil {
		return nil, t.failure("read", "environ", err)
	}
	env := []string{} // not nil, which would mean the caller's
	for entry := range bytes.SplitSeq(text, []byte{0}) {
		if len(entry) > 0 {
			env = append(env, string(entry))
		}
	}
	return env, nil
}

func (t *target) open(name string, flags int) (*os.File, error) {
	fd, err := unix.Openat(int(t.dir.Fd()), name, flags|unix.O_CLOEXEC, 0)
	if err != nil {
		return nil, t.failure("open", name, err)
	}
	return os.NewFile(uintptr(fd), name), nil
}

func (t *target) failure(verb, name string, err error) error {
	if errors.Is(err, unix.ESRCH) || errors.Is(err, unix.ENOENT) {
		err = ns.ErrProcessGone
	}
	return fmt.Errorf("%s %s of process %d: %w", verb, name, t.pid, err)
}
