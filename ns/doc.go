// Package ns is about Linux namespaces as things: what types there are, who is in one, who owns it, how to hold
// on to it, and how a thread visits it. To run a program inside, see package nsenter.
//
// # What a namespace is
//
// A namespace is one answer to a question that every process asks the kernel. All processes used to get the
// same answer to "which network interfaces are there?"; now each process belongs to one network namespace, and gets the
// answer of that one. There are eight questions, and a process belongs to one namespace of each type:
//
//	type     isolates                                          a thread joins it by setns(2)
//	user     user and group ids; every capability is           never: needs a process with one thread
//	         held in one of these
//	cgroup   what /proc/PID/cgroup calls the root              yes
//	ipc      System V IPC, POSIX message queues                yes
//	uts      host and domain name                              yes
//	net      interfaces, addresses, routes, ports, firewall,   yes
//	         abstract Unix sockets
//	pid      process ids                                       never: only its children are born in it
//	mnt      the mount table                                   if it shares root and working directory
//	                                                           with no other thread
//	time     offsets of the monotonic and boot clocks          never: needs a process with one thread
//
// A container is a process with namespaces of its own, most often all but user and time. A namespace has no name. It is
// known by the inode of the file /proc/PID/ns/TYPE ([ID], the number in "net:[4026531833]"), and lives as long as
// there is a process in it, an open file of it (a [Handle]), a bind mount of that file ([Handle.Pin]), or a namespace
// that it owns or is the parent of.
//
// # Who may do what
//
// Every namespace is owned by a user namespace: the one of the process that made it ([Handle.Owner]). What counts
// for changing it is the capabilities that one has in its owner, not in one's own user namespace; joining takes
// CAP_SYS_ADMIN in both (setns(2)), for mnt CAP_SYS_CHROOT in one's own as well. Who made a user namespace has all of
// them in it, and in those below. So the root of a user namespace may do what it likes to a network namespace made
// inside, and nothing to the host's.
//
// # Why Go makes this hard
//
// setns(2) moves one thread. A Go program has many before main begins, and the scheduler moves goroutines between them
// as it likes. That has three consequences, which this package is built around:
//
//   - User and time namespaces, which the kernel gives to single-threaded processes only, are out of reach
//     for any Go function ([ErrMultithreaded]); so are pid namespaces, since a thread keeps the one that it was
//     born in. Package nsenter enters them before the Go runtime starts.
//   - A goroutine that visits a namespace has to stay on its thread, and the thread has to go back before any
//     other goroutine runs on it. [Handle.Do] and [Set.Do] see to that, however the visit ends. A thread that
//     cannot go back is never used again. Goroutines started inside are not inside.
//   - A thread's root and working directory are shared with all others, and must not be to join a mount namespace.
//     Unsharing cannot be undone, so such a thread is thrown away: Do does it on another one.
//
// Sockets are the pleasant exception: one belongs to the network namespace that it was made in, whoever uses it from
// where. [Handle.Listen], [Handle.DialContext] and [Handle.Socket] are inside for as long as that takes.
//
// # Which process?
//
// A pid is a number that may be given to another process at any moment. [OfPID] binds the process with a pidfd
// before it looks at its namespaces, and makes sure afterwards that it is still alive, so that the handles are
// certainly those of one process, and of the one that was meant. A [Set] remembers the process for package nsenter.
//
// # Kernels
//
// Everything works from Linux 5.10 on, and better on newer ones: each newer feature is tried once, and its
// absence makes a slower way be taken, or an error that matches [errors.ErrUnsupported] where there is none. The
// same error is all that the package has on other systems, where it compiles.
package ns
