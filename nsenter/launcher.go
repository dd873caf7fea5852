package nsenter

import (
	"context"
	"errors"
	"os"
	"sync"
	"time"

	"nsexec/ns"
)

// Launcher starts payloads as [Command] does, for less: it is a stage 0 that
// stays, so that the calling program need not be executed anew each time. It is
// for a daemon that enters often; a program that enters once has no use for it.
//
// A payload is what it would be without a launcher. Start sends what a child has
// of its parent, as it is then: working directory, umask, resource limits, nice
// value, processors, ignored and blocked signals, beside Cmd.Env. What cannot
// follow is as it was when the launcher was started: root directory, cgroup, OOM
// score, credentials and capabilities, no_new_privs, session and process group,
// scheduling policy and I/O priority, seccomp filters and whatever else confines
// a process (Landlock, an LSM's label). Nor can a thread's own namespaces: Start refuses to
// work on a thread that has moved, such as inside of [ns.Handle.Do]. A working
// directory that the caller has gone to since, and that is closed to it by now,
// is an error.
//
// Any number of goroutines may use a launcher. It ends with its caller, however
// that ends, and is started again on the next use if something has killed it:
// the calls that were under way then fail with an [*Error] of [StageLauncher].
// Where the caller may, payloads are born in the target's pid namespace, and join
// the others from there: until they execute, a target that has CAP_SYS_PTRACE over
// the caller's own user namespace gets hold of more than by [Command]. Use that
// for such a target.
//
// It is a process called "nsexec: launcher", a child of the caller, that holds
// nothing of the caller's but the ends of two sockets, and stays in the directory that
// it was started in. It has nine threads, all but one of which start payloads. Of
// memory that it shares with nobody it has 150 KiB, and up to 40 more for each of
// these once it has been used; where the program is position-independent, also
// what its loader has relocated.
type Launcher struct {
	timeout  time.Duration
	separate bool // never share memory

	mu      sync.Mutex
	closed  bool
	running *launcherProcess // nil, or one that may have ended
	status  *os.File         // the caller's, in /proc: from the first start to Close
}

// LauncherOption changes what NewLauncher makes.
type LauncherOption func(*Launcher)

// LauncherTimeout bounds how long it may take to start the launcher, each time;
// the default is 30 s.
func LauncherTimeout(d time.Duration) LauncherOption {
	return func(l *Launcher) { l.timeout = d }
}

// SeparateMemory keeps payloads from sharing the launcher's memory before they
// execute, which they otherwise do where no pid or user namespace is joined. It is
// for whoever kills payloads for the memory that they use, or moves them to
// another cgroup right away.
func SeparateMemory() LauncherOption {
	return func(l *Launcher) { l.separate = true }
}

// NewLauncher starts a launcher. Close it when it is no longer needed.
func NewLauncher(options ...LauncherOption) (*Launcher, error) {
	l := &Launcher{timeout: defaultStartTimeout}
	for _, option := range options {
		option(l)
	}
	if err := Available(); err != nil {
		return nil, err
	}
	if _, err := l.process(); err != nil {
		_ = l.status.Close() // of nil it does nothing but say so
		return nil, err
	}
	return l, nil
}

// Command is the package's Command, by the launcher.
func (l *Launcher) Command(set *ns.Set, name string, arg ...string) *Cmd {
	c := Command(set, name, arg...)
	c.launcher = l
	return c
}

// CommandContext is the package's CommandContext, by the launcher.
func (l *Launcher) CommandContext(ctx context.Context, set *ns.Set, name string, arg ...string) *Cmd {
	c := CommandContext(ctx, set, name, arg...)
	c.launcher = l
	return c
}

// Func returns f with its Command and Call by the launcher.
func (l *Launcher) Func(f *Func) *Func {
	return &Func{name: f.name, fn: f.fn, launcher: l}
}

// Close ends the launcher, but no payload. A second Close is an [os.ErrClosed],
// and so is every Start afterwards.
func (l *Launcher) Close() error {
	l.mu.Lock()
	defer l.mu.Unlock()
	if l.closed {
		return errLauncherClosed()
	}
	l.closed = true
	if l.running != nil {
		l.running.close()
	}
	_ = l.status.Close()
	return nil
}

// errLauncherClosed is made anew each time: whoever gets one adds to it.
func errLauncherClosed() error { return callerError("use launcher", "", os.ErrClosed) }

// process is the launcher that runs, started if there is none.
func (l *Launcher) process() (*launcherProcess, error) {
	l.mu.Lock()
	defer l.mu.Unlock()
	if l.closed {
		return nil, errLauncherClosed()
	}
	if l.running != nil && !l.running.hasEnded() {
		return l.running, nil
	}
	if l.running != nil {
		l.running.close()
	}
	running, err := startLauncher(l)
	l.running = running
	if err != nil {
		return nil, err
	}
	return running, nil
}

// errThreadMoved is for a Start whose payload would be elsewhere than its caller.
var errThreadMoved = errors.New("the calling thread has left the launcher's namespaces")
