//go:build linux && cgo

package main

import (
	"slices"

	"golang.org/x/sys/unix"
)

// regression is a fault that was not survived once. The sample has all of them.
type regression struct {
	what string
	kind Kind
	is   func(c *call) bool
}

func by(role Role, nr int) func(*call) bool {
	return func(c *call) bool { return c.Role == role && c.NR == nr && (c.Phase == Steps || c.Phase == Ready) }
}

var regressions = []regression{
	{"Start succeeded, and the program never ran: the payload could not read GO", Fail, func(c *call) bool {
		return c.Phase == Ready && c.NR == unix.SYS_READ
	}},
	{"Start waited for exec until its deadline: stage 0 held the socket, stopped after its clone", Stop, by(Stage0, unix.SYS_EXIT_GROUP)},
	{"the same by a launcher; and the error said payload", Stop, by(Launcher, unix.SYS_SENDMSG)},
	{"stage 1 was stopped, and the error said stage 0", Stop, by(Stage1, unix.SYS_CHDIR)},
	{"an unread limit of open files was restored: any number", Fail, func(c *call) bool {
		return c.Phase == Steps && c.NR == unix.SYS_PRLIMIT64 && c.Args[2] == 0
	}},
	{"the error's Op was cut short", Fail, func(c *call) bool {
		return c.Phase == Steps && c.NR == unix.SYS_FCNTL && c.Args[1] == unix.F_SETFD
	}},
	{"a helper was left for ever: stopped before it could ask to die with its parent", Stop, by(Maker, unix.SYS_PRCTL)},
	{"the same", Stop, by(Owner, unix.SYS_PRCTL)},
	{"the errno was lost: a helper could not be waited for", Fail, by(Stage0, unix.SYS_WAIT4)},
	{"Start waited until its deadline: maker and owner waited for each other", Fail, by(Maker, unix.SYS_READ)},
	{"the error was a bare exit status: the owner had nothing to speak by", Fail, by(Owner, unix.SYS_WRITE)},
	{"NewLauncher waited 30 s: the launcher could not say that it serves", Fail, by(Launcher, unix.SYS_SENDMSG)},
	{"NewLauncher said that the launcher had ended, whom it had killed for being late", Stop, by(Launcher, unix.SYS_FCNTL)},
	{"the same, where the caller could not hear it", Fail, func(c *call) bool {
		return c.Role == Caller && c.NR == unix.SYS_RECVMSG && c.N == 1
	}},
	{"a function's result was lost: the launcher said only then that it had cloned the payload", Delay, by(Launcher, unix.SYS_SENDMSG)},
	{"a function's result was lost: there was no room in the poller", Fail, func(c *call) bool {
		return c.Role == Caller && c.NR == unix.SYS_EPOLL_CTL && c.N > 2
	}},
}

// syncPoint is one of the moments between which a Start is somewhere.
type syncPoint struct {
	what  string
	kinds []Kind                          // a target takes the longest to kill
	is    func(s *scenario, c *call) bool // at the first such call
}

var (
	somebody = []Kind{Kill, KillCaller}
	anybody  = []Kind{Kill, KillCaller, KillTarget}
)

var syncPoints = []syncPoint{
	{"after spawn", somebody, func(_ *scenario, c *call) bool {
		return c.Role == Stage0 && (c.Phase == Activate || c.Phase == Steps)
	}},
	{"after request", anybody, func(s *scenario, c *call) bool {
		return c.Role == Stage0 && (c.NR == unix.SYS_SETNS || c.NR == unix.SYS_OPENAT) && c.Phase == Steps
	}},
	{"before READY", somebody, func(s *scenario, c *call) bool { return c.Role == s.payload() && c.Phase == Ready }},
	{"between READY and GO", anybody, func(s *scenario, c *call) bool { return c.NR == unix.SYS_READ && c.Phase == Ready }},
	{"after GO", somebody, func(s *scenario, c *call) bool { return c.NR == unix.SYS_RT_SIGACTION && c.Phase == Ready }},
}

// syncFaults: at each of them somebody dies.
func syncFaults(s *scenario, calls []call) (all []*fault) {
	for _, p := range syncPoints {
		i := slices.IndexFunc(calls, func(c call) bool { return p.is(s, &c) })
		if i < 0 {
			continue // the test counts them
		}
		for _, kind := range p.kinds {
			if slices.Contains(kindsAt(&calls[i]), kind) {
				all = append(all, &fault{Point: calls[i].Point, Kind: kind, What: p.what})
			}
		}
	}
	return all
}

// isRegression tells whether a fault is the first of its kind at such a call, among those that have been taken.
func isRegression(f *fault, c *call, taken map[int]bool) bool {
	i := slices.IndexFunc(regressions, func(r regression) bool { return r.kind == f.Kind && r.is(c) })
	if i < 0 || taken[i] {
		return false
	}
	taken[i] = true
	return true
}

// workerFaults are all that can go wrong where a launcher's worker clones, if one does.
func workerFaults(calls []call) []*fault {
	i := slices.IndexFunc(calls, func(c call) bool { return c.Role == Worker && c.NR == unix.SYS_CLONE })
	if i < 0 {
		return nil
	}
	return faultsAt(&calls[i])
}

// ofEach is how many faults a sample has beside.
var ofEach = map[Kind]int{Fail: 6, Delay: 2, Kill: 1, Stop: 2}

// sample is a few faults of every kind, spread over the whole way; deaths at the sync points; a worker's; and the
// regressions.
func sample(s *scenario, calls []call) (some []*fault) {
	some = append(syncFaults(s, calls), workerFaults(calls)...)
	taken := make(map[int]bool)
	byKind := make(map[Kind][]*fault)
	for i := range calls {
		for _, f := range faultsAt(&calls[i]) {
			if isRegression(f, &calls[i], taken) {
				some = append(some, f)
			} else {
				byKind[f.Kind] = append(byKind[f.Kind], f)
			}
		}
	}
	for _, kind := range allKinds {
		all, n := byKind[kind], ofEach[kind]
		for i := range n {
			some = append(some, all[i*len(all)/n])
		}
	}
	return some
}
