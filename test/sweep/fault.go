//go:build linux && cgo

package main

import (
	"fmt"
	"slices"

	"golang.org/x/sys/unix"
)

// Kind is what goes wrong.
type Kind string

// The kinds.
const (
	Fail       Kind = "fails"
	Delay      Kind = "takes 50 ms"
	Kill       Kind = "killed"
	Stop       Kind = "stopped"
	KillCaller Kind = "caller killed"
	KillTarget Kind = "target killed"
)

var allKinds = []Kind{Fail, Delay, Kill, Stop, KillCaller, KillTarget}

// fault is one thing that goes wrong, once.
type fault struct {
	Point
	Kind  Kind
	Errno unix.Errno // of Fail
	What  string     // a sync point, or empty
}

func (f *fault) String() string {
	if f.Kind == Fail {
		return fmt.Sprintf("%s is %s", f.Point, unix.ErrnoName(f.Errno))
	}
	return fmt.Sprintf("%s: %s", f.Point, f.Kind)
}

// faultsAt are all that can go wrong at a call.
func faultsAt(c *call) (all []*fault) {
	for _, errno := range errnosAt(c) {
		all = append(all, &fault{Point: c.Point, Kind: Fail, Errno: errno})
	}
	for _, kind := range kindsAt(c) {
		all = append(all, &fault{Point: c.Point, Kind: kind})
	}
	return all
}

// errnosAt: what precedes the constructor is the libc's, and what follows it in a function's payload is the Go
// runtime's. They make of an error what they like, and one of each is enough to see that it ends.
func errnosAt(c *call) []unix.Errno {
	errnos := errnosOf(c.NR)
	switch {
	case len(errnos) == 0 || isFatal(c):
		return nil
	case c.Phase == Loader || c.Phase == Boot || c.Role == Caller && c.NR != unix.SYS_RECVMSG && c.NR != unix.SYS_SENDMSG:
		return errnos[:1]
	}
	return errnos
}

// isFatal are calls whose errors lead elsewhere. Those of os.StartProcess end the whole caller, or let it wait for ever:
// signals in its child, and the pipe on which that would say that it could not execute.
func isFatal(c *call) bool {
	switch c.NR {
	case unix.SYS_RT_SIGACTION, unix.SYS_RT_SIGPROCMASK:
		return c.Phase == Spawn
	case unix.SYS_READ, unix.SYS_WRITE: // the Go runtime wakes its poller by one
		return c.Role == Caller
	case unix.SYS_CAPGET: // whoever cannot ask is not privileged, and needs newuidmap
		return c.Role == Caller
	}
	return false
}

// kindsAt: a caller that is killed is another kind, and one that is stopped does nothing by any deadline. Nor does one
// whose child is stopped between vfork and exec: the kernel holds its thread until then, and os.StartProcess is no
// longer in its hands.
func kindsAt(c *call) []Kind {
	switch {
	case c.Role == Caller:
		return []Kind{Delay}
	case c.Phase == Spawn:
		return []Kind{Delay, Kill, KillCaller}
	case c.Phase == Return && c.NR == unix.SYS_RECVMSG: // Start is over
		return []Kind{Delay, Kill, Stop}
	case c.Phase != Steps && c.Phase != Ready && c.Phase != Return:
		return []Kind{Delay, Kill, Stop, KillCaller}
	}
	return []Kind{Delay, Kill, Stop, KillCaller, KillTarget}
}

// learned are the calls that every one of the runs has made.
func learned(runs [][]call) (calls []call) {
	for _, c := range runs[0] {
		isSame := func(other call) bool { return other.Point == c.Point && other.Phase == c.Phase }
		everywhere := !slices.ContainsFunc(runs, func(run []call) bool { return !slices.ContainsFunc(run, isSame) })
		if everywhere && isOurs(&c) {
			calls = append(calls, c)
		}
	}
	return calls
}

// isOurs leaves out what the Go runtime does for itself: in the caller all that is about memory and signals, of which
// nothing is on the way of Start. Of many like calls that are not the library's steps, some stand for all.
func isOurs(c *call) bool {
	const some = 2
	switch {
	case c.Role == Caller:
		return !slices.Contains([]int{
			unix.SYS_MMAP, unix.SYS_MUNMAP, unix.SYS_MADVISE, unix.SYS_MPROTECT, unix.SYS_RT_SIGPROCMASK, unix.SYS_RT_SIGACTION,
		}, c.NR)
	case c.Phase == Spawn || c.Phase == Loader || c.Phase == Boot || c.Phase == Idle:
		return c.N <= some
	case c.Role == Launcher && c.NR == unix.SYS_RT_SIGACTION: // asks about all signals
		return c.Args[0] <= some || c.Args[1] != 0
	}
	return true
}
