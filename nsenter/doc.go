// Package nsenter is os/exec for Linux namespaces: it runs a program inside
// namespaces that its caller is not in, and gives back a real child process.
//
//	set, err := ns.OfPID(pid, ns.All)
//	if err != nil {
//		return err
//	}
//	defer set.Close()
//	out, err := nsenter.Command(set, "cat", "/etc/os-release").Output()
//
// Whoever knows [os/exec] knows this package. A [Cmd] has the same fields and
// methods, with the same meaning; [Cmd.Wait] gives the same [exec.ExitError].
// What differs on purpose stands at [Cmd].
//
// # How it works
//
// A Go program has threads before main runs, and the kernel lets no process
// with threads join a user or mount namespace. So [Cmd.Start] executes the
// calling program anew. A constructor in C, linked in with this package, stops
// that process (stage 0) before the Go runtime exists, reads what is asked of
// it from a socket, joins the namespaces, clones once if a pid namespace is
// among them (stage 1), and executes the program (the payload). The payload is
// a child of the caller; nothing stays behind.
//
// # Requirements
//
// Linux 5.10 or later, cgo, and a main program that is an executable: in a
// shared library or a plugin, /proc/self/exe is somebody else's program. Where
// that is not so, every entry returns [ErrUnavailable] and starts nothing.
package nsenter
