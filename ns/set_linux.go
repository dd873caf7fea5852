package ns

import (
	"errors"
	"fmt"
	"os"

	"golang.org/x/sys/unix"

	"nsexec/internal/nsfs"
	"nsexec/internal/procfs"
)

// errNoPIDFD is what the kernel calls EBADF in pidfd_send_signal(2).
var errNoPIDFD = fmt.Errorf("not a pidfd: %w", unix.EBADF)

// setOfPID binds the process first and opens its namespaces second.
func setOfPID(pid int, t Type) (*Set, error) {
	fd, err := unix.PidfdOpen(pid, 0)
	if err == nil {
		return setOfPIDFD(&process{pid: pid, pidfd: os.NewFile(uintptr(fd), "pidfd")}, t)
	}
	if errors.Is(err, unix.ESRCH) {
		return nil, openError(t, pid, ErrProcessGone)
	}
	if errors.Is(err, unix.EMFILE) || errors.Is(err, unix.ENFILE) || errors.Is(err, unix.ENOMEM) {
		return nil, openError(t, pid, err)
	}
	// ENOSYS and EPERM: a seccomp filter. EINVAL, and ENOENT from Linux 6.15 on: a thread that is not its
	// process's first.
	return setOfDir(pid, t)
}

// setOfPIDFD takes over p.
func setOfPIDFD(p *process, t Type) (*Set, error) {
	s := &Set{process: p}
	err := s.fillFromPIDFD(t)
	if !errors.Is(err, errNoPIDFD) {
		err = p.checkAlive(err)
	}
	if err != nil {
		s.Close()
		return nil, openError(t, p.pid, explainDenial(p.pid, err))
	}
	return s, nil
}

// checkAlive replaces err, which death explains better.
func (p *process) checkAlive(err error) error {
	alive, pollErr := nsfs.Alive(int(p.pidfd.Fd()))
	switch {
	case pollErr != nil:
		return errors.Join(err, fmt.Errorf("poll pidfd: %w", pollErr))
	case !alive:
		return ErrProcessGone
	case errors.Is(err, unix.ESRCH):
		return fmt.Errorf("%w: its first thread has exited, while others live", err)
	}
	return err
}

// fillFromPIDFD opens the namespaces by the pidfd's own ioctls; before Linux 6.11 through procfs, by the number that
// procfs has for the process. That the pidfd still shows it alive afterwards proves that the number was its own.
func (s *Set) fillFromPIDFD(t Type) error {
	pidfd := int(s.process.pidfd.Fd())
	if nsfs.PIDFDNamespaces.Has() {
		return s.fill(t, func(one Type) (int, error) { return openPIDFD(pidfd, one) })
	}
	pid, err := procfs.PID(pidfd)
	if errors.Is(err, unix.EACCES) && s.process.pid > 0 && procfs.CheckOwn() == nil {
		// Before Linux 5.14 fdinfo belongs to the owner of all that is not dumpable: who is in another user namespace may
		// not read even his own.
		pid, err = s.process.pid, nil
	}
	switch {
	case errors.Is(err, unix.EBADF):
		return errNoPIDFD
	case err != nil:
		return err
	case pid == 0:
		return procfs.ErrForeign
	}
	dir, err := procfs.OpenNS(pid)
	if errors.Is(err, unix.ENOENT) || errors.Is(err, unix.EPERM) { // hidepid=2, hidepid=1
		return fmt.Errorf("%w: %w", errHidden, unix.EACCES)
	}
	if err != nil {
		return err
	}
	defer dir.Close()
	return s.fill(t, func(one Type) (int, error) { return openNSAt(dir, one) })
}

// setOfDir does without a pidfd: the open directory of procfs is bound to one process as well.
func setOfDir(pid int, t Type) (*Set, error) {
	if err := procfs.CheckOwn(); err != nil {
		return nil, openError(t, pid, err)
	}
	dir, err := procfs.OpenNS(pid)
	if errors.Is(err, unix.ENOENT) || errors.Is(err, unix.ESRCH) {
		err = ErrProcessGone
	}
	if err != nil {
		return nil, openError(t, pid, explainDenial(pid, err))
	}
	defer dir.Close()
	s := new(Set)
	err = s.fill(t, func(one Type) (int, error) { return openNSAt(dir, one) })
	if dirGone(dir) {
		err = ErrProcessGone
	}
	if err != nil {
		s.Close()
		return nil, openError(t, pid, explainDenial(pid, err))
	}
	return s, nil
}

// fill opens the namespaces of types t. For exactly All, what is absent is left out.
func (s *Set) fill(t Type, open func(Type) (int, error)) error {
	for i, k := range kinds {
		if t&k.t == 0 {
			continue
		}
		fd, err := open(k.t)
		if errors.Is(err, ErrAbsent) && kernelHas(k.t) {
			err = unix.ESRCH // procfs says ENOENT, pidfds ESRCH
		}
		if errors.Is(err, ErrAbsent) && t == All {
			continue
		}
		if err != nil {
			return fmt.Errorf("%s: %w", k.label, err)
		}
		if s.handles[i], err = newHandle(fd, k.t); err != nil {
			return err
		}
	}
	return nil
}

// kernelHas tells a type that the kernel lacks from one that a dead thread has lost.
func kernelHas(t Type) bool {
	supported, err := Supported()
	return err == nil && supported&t != 0
}

func openPIDFD(pidfd int, t Type) (int, error) {
	fd, err := nsfs.OpenPIDFD(pidfd, uint64(t))
	switch {
	case errors.Is(err, unix.EOPNOTSUPP):
		return -1, ErrAbsent
	case errors.Is(err, unix.ENOTTY), errors.Is(err, unix.EINVAL):
		return -1, errNoPIDFD
	}
	return fd, err
}

// dirGone tells whether the process of a namespace directory has died. The mnt entry is in every kernel, and goes
// when a process becomes a zombie.
func dirGone(dir *os.File) bool {
	var buf [32]byte
	_, err := unix.Readlinkat(int(dir.Fd()), "mnt", buf[:])
	return errors.Is(err, unix.ENOENT) || errors.Is(err, unix.ESRCH)
}

func openError(t Type, pid int, err error) error {
	what := "namespaces"
	if t.index() >= 0 {
		what = t.label()
	}
	if pid < 0 {
		return fmt.Errorf("open %s by pidfd: %w", what, err)
	}
	return fmt.Errorf("open %s of process %d: %w", what, pid, err)
}
