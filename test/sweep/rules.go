//go:build linux && cgo

package main

import (
	"slices"

	"golang.org/x/sys/unix"

	"nsexec/ns"
)

// rule says what a step of a stage or a launcher is called in errors, or why it may fail and nothing comes of it. The
// first one that applies counts.
type rule struct {
	nr       int
	role     Role                                 // "": any
	arg      func(a [6]uint64) bool               // nil: any
	when     func(s *scenario, r *record) bool    // nil: always
	errnos   []unix.Errno                         // nil: all
	op       string                               // what the error says; "": there is none
	typ      func(s *scenario, r *record) ns.Type // nil: none
	as       unix.Errno                           // what the error says instead of the errno
	anything bool                                 // it names the stage; what else it says depends
	why      string                               // it may fail
	lost     string                               // what the caller says of a process that cannot speak
}

func (u *rule) applies(s *scenario, r *record) bool {
	c := r.hit
	return u.nr == c.NR && (u.role == "" || u.role == c.Role) && (u.arg == nil || u.arg(c.Args)) &&
		(u.when == nil || u.when(s, r)) && (u.errnos == nil || slices.Contains(u.errnos, r.fault.Errno))
}

func (u *rule) expect(s *scenario, r *record) expectation {
	e := expectation{success: u.why != ""}
	w := want{stage: stageOf(s, r.hit), op: u.op, errno: r.fault.Errno, cause: u.lost}
	if u.as != 0 {
		w.errno = u.as
	}
	if u.lost != "" {
		w.errno = 0
	}
	if u.typ != nil {
		w.typ = u.typ(s, r)
	}
	if u.op != "" || u.lost != "" {
		e.errors = []want{w}
	}
	if u.anything {
		e.errors = []want{{stage: w.stage, anyType: true, anyErrno: true}}
	}
	return e
}

// Conditions.

func first0(value uint64) func([6]uint64) bool {
	return func(a [6]uint64) bool { return a[0] == value }
}

func second(value uint64) func([6]uint64) bool {
	return func(a [6]uint64) bool { return a[1] == value }
}

func option(name, value uint64) func([6]uint64) bool {
	return func(a [6]uint64) bool { return a[0] == name && a[1] == value }
}

func has(i int, flags uint64) func([6]uint64) bool {
	return func(a [6]uint64) bool { return a[i]&flags == flags }
}

func third(value uint64) func([6]uint64) bool { return func(a [6]uint64) bool { return a[2] == value } }

func readOnly(a [6]uint64) bool { return a[2]&unix.O_WRONLY == 0 }

// ofLauncher is the n-th such call of what a launcher has cloned.
func ofLauncher(n int) func(*scenario, *record) bool {
	return func(s *scenario, r *record) bool { return s.Launcher != oneShot && r.nth() == n }
}

// late is the n-th such call after GO, which brings what a launcher's clone would have of its caller by birth.
func late(n int) func(*scenario, *record) bool {
	return func(s *scenario, r *record) bool {
		return s.Launcher != oneShot && r.hit.Phase == Ready && r.nth() == n
	}
}

// byProcess is one setns on the target's pidfd, for all types.
func byProcess(_ *scenario, r *record) bool {
	return r.hit.Role == Stage0 && len(ns.Type(r.hit.Args[1]).Types()) > 1
}

func creates(s *scenario, _ *record) bool { return s.Create }

func isReady(_ *scenario, r *record) bool { return r.hit.Phase == Ready }

func beforeReady(_ *scenario, r *record) bool { return r.hit.Phase != Ready }

func beforeClone(_ *scenario, r *record) bool { return !r.hasCloned(r.hit) }

// beforeServing is a launcher that finds out what it may.
func beforeServing(_ *scenario, r *record) bool {
	return len(r.made(r.hit, unix.SYS_OPENAT)) > 0 && len(r.made(r.hit, unix.SYS_SENDMSG)) == 0
}

// nth counts the calls of the same number in the same phase that the process has made, from 1 on.
func (r *record) nth() int {
	n := 1
	for _, earlier := range r.made(r.hit, r.hit.NR) {
		if earlier.Phase == r.hit.Phase {
			n++
		}
	}
	return n
}

func after(nr int) func(*scenario, *record) bool {
	return func(_ *scenario, r *record) bool {
		return slices.ContainsFunc(r.made(r.hit, nr), func(c call) bool { return c.Phase == r.hit.Phase })
	}
}

func afterClone(_ *scenario, r *record) bool { return r.hasCloned(r.hit) }

// Types.

func user(*scenario, *record) ns.Type { return ns.User }

func pid(*scenario, *record) ns.Type { return ns.PID }

func mask(_ *scenario, r *record) ns.Type { return ns.Type(r.hit.Args[1]) }

// inTurn is for what is done to one namespace after the other.
func inTurn(s *scenario, r *record) ns.Type {
	joined := s.Join
	if s.bornInside() {
		joined &^= ns.PID
	}
	return joined.Types()[r.nth()-1]
}

var again = []unix.Errno{unix.EINTR}

// rules has the tolerated with their reasons beside the others. It is all that the sweep knows of the constructor.
var rules = []rule{
	// Interrupted calls are made again.
	{nr: unix.SYS_READ, errnos: again, why: "is read again"},
	{nr: unix.SYS_RECVMSG, errnos: again, why: "is received again"},
	{nr: unix.SYS_SENDMSG, errnos: again, why: "is sent again"},
	{nr: unix.SYS_WAIT4, errnos: again, why: "is waited for again"},

	// What the process itself must be.
	{nr: unix.SYS_PRCTL, arg: first0(unix.PR_SET_NAME), why: "a title is for people"},
	{nr: unix.SYS_PRCTL, arg: option(unix.PR_SET_DUMPABLE, 0), op: "become non-dumpable"},
	{nr: unix.SYS_PRCTL, arg: option(unix.PR_SET_DUMPABLE, 1), op: "become dumpable"},
	{nr: unix.SYS_PRCTL, arg: first0(unix.PR_SET_PDEATHSIG), op: "set parent-death signal"},
	{nr: unix.SYS_PRCTL, arg: first0(unix.PR_SET_CHILD_SUBREAPER), op: "become subreaper"},
	{nr: unix.SYS_FCNTL, arg: second(unix.F_SETFD), op: "mark socket close-on-exec"},
	{nr: unix.SYS_FCNTL, arg: second(unix.F_DUPFD_CLOEXEC), op: "move file"},
	{nr: unix.SYS_CLOSE_RANGE, why: "/proc/self/fd tells what is open as well"},
	{nr: unix.SYS_PRLIMIT64, when: after(unix.SYS_DUP3), op: "restore limit of open files"},
	{nr: unix.SYS_PRLIMIT64, arg: third(0), op: "read limit of open files"},
	{nr: unix.SYS_PRLIMIT64, why: "the files may fit below the limit that there is"},

	// Signals.
	{nr: unix.SYS_RT_SIGPROCMASK, role: Stage0, arg: first0(2), when: ofLauncher(2), op: "block signals"},
	{nr: unix.SYS_RT_SIGPROCMASK, why: "only a launcher needs the mask that it starts with, and sets it again"},
	{nr: unix.SYS_RT_SIGACTION, role: Launcher, arg: second(0), why: "a signal that cannot be asked about is not ignored"},
	{nr: unix.SYS_RT_SIGACTION, when: late(1), why: "it is what the launcher's is"},
	{nr: unix.SYS_RT_SIGACTION, when: late(2), op: "heed children"},
	{nr: unix.SYS_RT_SIGACTION, when: isReady, op: "restore signals"},
	{nr: unix.SYS_RT_SIGACTION, op: "heed children"},

	// A launcher.
	{nr: unix.SYS_RECVMSG, role: Launcher, why: "the next call finds it gone, and starts another", lost: "it has ended"},
	{nr: unix.SYS_RECVMSG, role: Worker, why: "the same", lost: "it has ended"},
	{nr: unix.SYS_CLONE, role: Launcher, arg: has(0, unix.CLONE_THREAD), why: "with fewer workers it clones by itself"},
	{nr: unix.SYS_MMAP, role: Launcher, op: "map memory"},
	{nr: unix.SYS_MADVISE, role: Launcher, op: "map memory"},
	{nr: unix.SYS_OPENAT, role: Launcher, why: "it cannot leave its pid namespace, then, and its clones join instead"},
	{nr: unix.SYS_SETNS, role: Launcher, when: beforeServing, why: "the same"},
	{nr: unix.SYS_SETNS, role: Launcher, when: afterClone, op: "return to", typ: pid},
	{nr: unix.SYS_SETNS, role: Worker, when: afterClone, op: "return to", typ: pid},
	{nr: unix.SYS_SENDMSG, role: Launcher, when: beforeClone, op: "say serving"},
	{nr: unix.SYS_SENDMSG, role: Launcher, why: "the clone speaks for itself"},

	// What a launcher's clone would have by birth.
	{nr: unix.SYS_SETPRIORITY, op: "set nice value"},
	{nr: unix.SYS_SCHED_SETAFFINITY, op: "set processors"},

	// The request.
	{nr: unix.SYS_RECVMSG, op: "receive request"},
	{nr: unix.SYS_MMAP, arg: has(3, unix.MAP_SHARED), op: "map memory"},
	{nr: unix.SYS_MMAP, op: "map request"},

	// Namespaces that something is written for.
	{nr: unix.SYS_CLONE, role: Stage0, arg: has(0, unix.CLONE_FILES), op: "create"},
	{nr: unix.SYS_CLONE, role: Maker, op: "create", typ: user},
	{nr: unix.SYS_READLINKAT, role: Maker, op: "read"},
	{nr: unix.SYS_SETNS, role: Maker, errnos: []unix.Errno{unix.ENOSYS, unix.EINVAL}, why: "joined by handles instead"},
	{nr: unix.SYS_SETNS, role: Maker, op: "join", typ: mask},
	{nr: unix.SYS_SOCKETPAIR, op: "make socket"},
	{nr: unix.SYS_READ, role: Maker, op: "wait for helper"},
	{nr: unix.SYS_WAIT4, op: "wait for helper"},
	{nr: unix.SYS_OPENAT, role: Maker, arg: readOnly, op: "open new", typ: user},
	{nr: unix.SYS_OPENAT, role: Maker, when: written("setgroups"), op: "write setgroups"},
	{nr: unix.SYS_OPENAT, role: Maker, when: written("uid_map"), op: "write uid map"},
	{nr: unix.SYS_OPENAT, role: Maker, when: written("gid_map"), op: "write gid map"},
	{nr: unix.SYS_WRITE, role: Maker, when: written("setgroups"), op: "write setgroups"},
	{nr: unix.SYS_WRITE, role: Maker, when: written("uid_map"), op: "write uid map"},
	{nr: unix.SYS_WRITE, role: Maker, when: written("gid_map"), op: "write gid map"},
	{nr: unix.SYS_SETRESGID, role: Maker, errnos: []unix.Errno{unix.EINVAL}, why: "0 may be unmapped above"},
	{nr: unix.SYS_SETRESUID, role: Maker, errnos: []unix.Errno{unix.EINVAL}, why: "the same"},
	{nr: unix.SYS_UNSHARE, role: Owner, op: "leave mounts"},
	{nr: unix.SYS_FSOPEN, role: Owner, op: "leave root"},
	{nr: unix.SYS_FSCONFIG, role: Owner, op: "leave root"},
	{nr: unix.SYS_FSMOUNT, role: Owner, op: "leave root"},
	{nr: unix.SYS_FCHDIR, role: Owner, op: "leave root"},
	{nr: unix.SYS_CHROOT, role: Owner, op: "leave root"},
	{nr: unix.SYS_WRITE, role: Owner, op: "wait for helper", as: unix.ECANCELED}, // it has no other way to speak
	{nr: unix.SYS_READ, role: Owner, anything: true},                             // it leaves; the maker meets that wherever it is

	// Joining.
	{nr: unix.SYS_OPENAT, arg: has(2, unix.O_PATH|unix.O_NOFOLLOW), op: "open", typ: inTurn},
	{nr: unix.SYS_SETNS, arg: second(unix.CLONE_NEWUSER), when: creates, op: "enter new", typ: user},
	{nr: unix.SYS_SETNS, when: byProcess, errnos: []unix.Errno{unix.ENOSYS, unix.EINVAL}, why: "joined by handles instead"},
	{nr: unix.SYS_SETNS, op: "join", typ: mask},
	{nr: unix.SYS_READLINKAT, op: "read", typ: inTurn},
	{nr: unix.SYS_CLONE, op: "clone"},
	{nr: unix.SYS_SENDMSG, when: beforeReady, why: "the clone speaks for itself"},

	// What a payload starts with.
	{nr: unix.SYS_CAPGET, op: "read capabilities"},
	{nr: unix.SYS_SETGROUPS, role: Stage0, why: "groups that cannot be dropped are dropped later, or stay"},
	{nr: unix.SYS_SETGROUPS, errnos: []unix.Errno{unix.EPERM}, why: "the user namespace may deny it, and nobody asked for any"},
	{nr: unix.SYS_SETGROUPS, op: "set groups"},
	{nr: unix.SYS_SETRESGID, errnos: []unix.Errno{unix.EINVAL}, why: "0 may be unmapped, and nobody was asked for"},
	{nr: unix.SYS_SETRESUID, errnos: []unix.Errno{unix.EINVAL}, why: "the same"},
	{nr: unix.SYS_SETRESGID, op: "set gid"},
	{nr: unix.SYS_SETRESUID, op: "set uid"},
	{nr: unix.SYS_CHDIR, op: "enter directory"},
	{nr: unix.SYS_GETCWD, op: "find working directory"},
	{nr: unix.SYS_DUP3, op: "place file"},
	{nr: unix.SYS_SENDMSG, why: "it is sent once more, without credentials: the kernel attaches them by itself"},
	{nr: unix.SYS_RECVFROM, why: "only an end of file says that the caller is gone"},
	{nr: unix.SYS_READ, op: "wait for GO"},
	{nr: unix.SYS_EXECVE, op: "exec"},
}

// written tells which file the maker is at: each is opened, and written by one call. setgroups comes first, where it is
// denied.
func written(file string) func(*scenario, *record) bool {
	return func(_ *scenario, r *record) bool {
		files := []string{"uid_map", "gid_map"}
		if !r.scenario.mapsMany() {
			files = []string{"setgroups", "uid_map", "gid_map"}
		}
		n := r.nth()
		return n <= len(files) && files[n-1] == file
	}
}
