package nsenter

import (
	"os"

	"nsexec/ns"
)

// Reexec moves the whole calling program into the namespaces of set. It executes
// the program anew, with the same pid, arguments and environment; the joining is
// done before the Go runtime has threads, and then main runs again, with all of
// its threads inside. So Reexec does not return, but for an error; called again
// in there, where [Reexeced] is true, it does nothing and returns nil:
//
//	if err := nsenter.Reexec(set); err != nil {
//		return err
//	}
//	// inside
//
// What execve(2) keeps stays: the pid, children, the working directory unless
// a mount namespace is joined, limits, and files that are not close-on-exec, such
// as stdio. Go opens its own close-on-exec: those named in files stay open, under
// the numbers that they have. The arguments are those that the program was started
// with, the environment is [os.Environ]. Goroutines, memory and deferred calls are
// gone. A parent-death signal is one of the thread that calls (prctl(2)). So are
// namespaces and capabilities: what counts is what the calling thread has.
//
// Whoever enters a user namespace becomes root in it, without supplementary
// groups, where root is mapped. A mount namespace's root directory becomes the
// program's root and working directory.
//
// Errors are of type [*Error], or [ErrUnavailable]. What can be told beforehand is
// returned at once, and nothing has happened: a closed Set or file (matching
// [os.ErrClosed]), namespaces that the kernel will not let the caller have, a
// failure of execve(2). What is learnt later is the error of the Reexec that is
// called in the new image, and of every further one: Reexeced is false there, and
// the program is where it was. That is because everything is rehearsed by a child
// first. Should it fail after that all the same, which takes a target that changes
// in that very moment, the program may be in some of the namespaces and not in
// others: it should exit.
//
// A pid namespace that the caller is not in is refused (EINVAL): a process cannot
// change its own, it can only have children there. For that see [ReexecChild].
//
// Only for targets that one trusts: unlike a payload of [Command] this process
// stays inside, where its /proc/PID may be read, and it traced, by whoever may
// there (CVE-2016-9962); it has the files that were named, and the Go runtime and
// the package init functions open files of the target, as they do for a [Func].
// While it joins it cannot be traced; where the target could get hold of the
// program's executable it runs from a copy that nobody can write to
// (CVE-2019-5736), which [os.Executable] then names, and which finds no library
// by $ORIGIN: the dynamic loader ends it.
//
// It takes Linux 5.10, and what joining takes: see [Command].
func Reexec(set *ns.Set, files ...*os.File) error {
	return reexec(set, files, false)
}

// ReexecChild is [Reexec] for a set with a pid namespace. That takes a new
// process: main runs again in a child of the calling one, and is born inside. The
// calling process stays outside, as a few lines of C without any open file: it
// hands signals on (SIGKILL kills both), and it stops and ends as the child does,
// so that whoever waits for it sees no difference. It reaps the children that the
// program had. In the new image [os.Getpid] is that of the pid namespace, and
// [os.Getppid] is 0.
//
// If the set has no other pid namespace than the caller's, there is no child, and
// it is Reexec.
func ReexecChild(set *ns.Set, files ...*os.File) error {
	return reexec(set, files, true)
}

// ReexecUnshared is [Reexec] into a new user namespace, and new namespaces of the
// other types given (ns.Mount, say). It is what rootless tools do when they start:
// the caller is root there, and its first ranges of subordinate ids in /etc/subuid
// and /etc/subgid are the ids from 1 on. The supplementary groups stay.
//
// The maps are written through newuidmap(1) and newgidmap(1), unless the caller
// has CAP_SETUID and CAP_SETGID. That happens first: if one is missing, has no
// privilege or refuses, or there is no range, the error is returned at once and
// nothing has happened. The mounts of a new mount namespace are [Private].
//
// A new pid namespace is refused (EINVAL), since only a child can be in it: use
// [Cmd.Unshare].
func ReexecUnshared(types ns.Type, files ...*os.File) error {
	return reexecUnshared(types, files)
}

// Reexeced reports whether this is the image in which main runs again, inside.
func Reexeced() bool { return reexeced() }
