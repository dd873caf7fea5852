package ns

import (
	"fmt"
	"os"
)

// Set is a set of open namespaces, at most one of each type. It is safe for concurrent use. Its handles belong to
// it and are closed with it.
type Set struct {
	handles [len(kinds)]*Handle // in join order; nil where there is none
	process *process            // that all of them were taken from, or nil
}

// process is what a Set keeps of the process that it was taken from.
type process struct {
	pid   int // -1 until it is learnt
	pidfd *os.File
}

// OfPID opens the namespaces of types t that the process pid is in. pid may be the id of a thread that is not
// its process's first, too.
//
// All of them are of the one process that had this pid at the time of the call: it is bound by a pidfd, its
// namespaces are opened by the pidfd's own ioctls (from Linux 6.11) or through a verified procfs, and afterwards the
// pidfd must still show it alive. Where seccomp refuses pidfd_open(2), an open directory of procfs binds the
// process as well. A process that has called setns(2) or unshare(2) in between may show namespaces of before
// and after.
//
// Exactly All means whatever there is: types that the kernel or the process lacks are left out. Any other t is a
// demand: what is missing is an error that matches ErrAbsent. Other errors match ErrProcessGone (also for a
// zombie), os.ErrPermission (opening needs the right to ptrace the process, in its reading form), ErrInvalidType.
func OfPID(pid int, t Type) (*Set, error) {
	if err := t.checkMask(); err != nil {
		return nil, fmt.Errorf("open namespaces of process %d: %w", pid, err)
	}
	if pid <= 0 {
		return nil, fmt.Errorf("open namespaces of process %d: %w: not a process id", pid, ErrProcessGone)
	}
	return setOfPID(pid, t)
}

// OfPIDFD is OfPID for the process behind a pidfd, which stays the caller's: the Set has its own duplicate.
func OfPIDFD(fd int, t Type) (*Set, error) {
	if err := t.checkMask(); err != nil {
		return nil, fmt.Errorf("open namespaces of pidfd %d: %w", fd, err)
	}
	own, err := dupFD(uintptr(fd))
	if err != nil {
		return nil, fmt.Errorf("duplicate pidfd %d: %w", fd, err)
	}
	return setOfPIDFD(&process{pid: -1, pidfd: os.NewFile(uintptr(own), "pidfd")}, t)
}

// NewSet makes a Set of duplicates of the handles, which stay the caller's. None is an error that matches
// ErrEmptySet, two of one type ErrDuplicateType.
func NewSet(handles ...*Handle) (*Set, error) {
	if len(handles) == 0 {
		return nil, fmt.Errorf("make set: %w", ErrEmptySet)
	}
	s := new(Set)
	for _, h := range handles {
		if err := s.addDup(h); err != nil {
			s.Close()
			return nil, fmt.Errorf("make set: %w", err)
		}
	}
	return s, nil
}

// With returns a new Set with a duplicate of h in place of, or beside, duplicates of the namespaces in s. It
// is put together from handles, and so has no process.
func (s *Set) With(h *Handle) (*Set, error) {
	if h == nil {
		return nil, fmt.Errorf("extend set: handle is nil: %w", os.ErrInvalid)
	}
	all := []*Handle{h}
	for _, old := range s.handles {
		if old != nil && old.t != h.t {
			all = append(all, old)
		}
	}
	return NewSet(all...)
}

// Types returns the types that the set has a namespace of.
func (s *Set) Types() Type {
	var t Type
	for _, h := range s.handles {
		if h != nil {
			t |= h.t
		}
	}
	return t
}

// Handle returns the set's namespace of type t, or nil if it has none. It belongs to the set.
func (s *Set) Handle(t Type) *Handle {
	if i := t.index(); i >= 0 {
		return s.handles[i]
	}
	return nil
}

// Process calls fn with the process that the whole set was taken from, whose pidfd stays open until fn returns.
// pid is as the caller's procfs shows it, -1 if it cannot be learnt (or the process has been reaped). If the
// set was put together from handles, or no pidfd could be had, the error matches ErrNoProcess and
// fn is not called; after Close it matches os.ErrClosed.
func (s *Set) Process(fn func(pid int, pidfd uintptr)) error {
	p := s.process
	if p == nil {
		return ErrNoProcess
	}
	return control(p.pidfd, func(pidfd uintptr) {
		pid := p.pid
		if pid < 0 {
			pid = pidOf(pidfd)
		}
		fn(pid, pidfd)
	})
}

// Close closes the set and its handles. A second Close returns an error that matches os.ErrClosed.
func (s *Set) Close() error {
	var first error
	for _, h := range s.handles {
		if h == nil {
			continue
		}
		if err := h.Close(); err != nil && first == nil {
			first = err
		}
	}
	s.dropProcess()
	return first
}

func (s *Set) dropProcess() {
	if s.process != nil {
		s.process.pidfd.Close()
	}
}

func (s *Set) addDup(h *Handle) error {
	if h == nil {
		return fmt.Errorf("handle is nil: %w", os.ErrInvalid)
	}
	i := h.t.index()
	if s.handles[i] != nil {
		return fmt.Errorf("%w: %v and %v", ErrDuplicateType, s.handles[i], h)
	}
	d, err := h.dup()
	s.handles[i] = d
	return err
}
