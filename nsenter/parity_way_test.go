//go:build linux && cgo

package nsenter_test

import (
	"context"
	"io"
	"os"
	"os/exec"
	"testing"
	"time"

	"nsexec/internal/testutil"
	"nsexec/ns"
	"nsexec/nsenter"
)

// The tests of parity assert of nsenter.Cmd what os/exec's own tests assert of exec.Cmd. Each runs through os/exec too, so
// that it is known to say what os/exec does, and inside a target's namespaces, since they must not change the
// behaviour. What is meant to differ stands in parity_differences_test.go.

// command is an exec.Cmd or an nsenter.Cmd: what they have in common, fields by their address.
type command struct {
	methods

	Path, Dir      *string
	Args, Env      *[]string
	Stdin          *io.Reader
	Stdout, Stderr *io.Writer
	ExtraFiles     *[]*os.File
	Cancel         *func() error
	WaitDelay      *time.Duration
	Err            *error
	Process        **os.Process
	ProcessState   **os.ProcessState
}

type methods interface {
	Start() error
	Wait() error
	Run() error
	Output() ([]byte, error)
	CombinedOutput() ([]byte, error)
	StdinPipe() (io.WriteCloser, error)
	StdoutPipe() (io.ReadCloser, error)
	StderrPipe() (io.ReadCloser, error)
	Environ() []string
	String() string
}

func ofExec(c *exec.Cmd) *command {
	return &command{
		methods: c, Path: &c.Path, Dir: &c.Dir, Args: &c.Args, Env: &c.Env,
		Stdin: &c.Stdin, Stdout: &c.Stdout, Stderr: &c.Stderr, ExtraFiles: &c.ExtraFiles,
		Cancel: &c.Cancel, WaitDelay: &c.WaitDelay, Err: &c.Err, Process: &c.Process, ProcessState: &c.ProcessState,
	}
}

func ofNsenter(c *nsenter.Cmd) *command {
	return &command{
		methods: c, Path: &c.Path, Dir: &c.Dir, Args: &c.Args, Env: &c.Env,
		Stdin: &c.Stdin, Stdout: &c.Stdout, Stderr: &c.Stderr, ExtraFiles: &c.ExtraFiles,
		Cancel: &c.Cancel, WaitDelay: &c.WaitDelay, Err: &c.Err, Process: &c.Process, ProcessState: &c.ProcessState,
	}
}

// way is how a test runs its programs.
type way struct {
	exec bool    // through os/exec
	set  *ns.Set // else inside these namespaces; nil: the caller's own

	launcher *nsenter.Launcher // nil: one-shot
}

var (
	throughExec    = &way{exec: true}
	throughNsenter = &way{}
)

// everyWay runs a test once for each way that this identity has.
func everyWay(t *testing.T, test func(t *testing.T, w *way)) {
	t.Helper()
	t.Run("exec", func(t *testing.T) { test(t, throughExec) })
	t.Run("nsenter", func(t *testing.T) { test(t, throughNsenter) })
	if testutil.Who() == testutil.Root {
		t.Run("inside as root", func(t *testing.T) { test(t, inside(t, testutil.PrivilegedTypes)) })
	}
	t.Run("inside", func(t *testing.T) { test(t, inside(t, testutil.AllTypes)) })
	t.Run("launcher", func(t *testing.T) { test(t, &way{launcher: newLauncher(t)}) })
	t.Run("launcher inside", func(t *testing.T) {
		w := inside(t, reachable())
		w.launcher = newLauncher(t)
		test(t, w)
	})
}

// reachable are the types of a target that this identity can enter on its shortest way.
func reachable() uint64 {
	if testutil.Who() == testutil.Root {
		return testutil.PrivilegedTypes
	}
	return testutil.AllTypes
}

func newLauncher(t testing.TB, options ...nsenter.LauncherOption) *nsenter.Launcher {
	t.Helper()
	launcher, err := nsenter.NewLauncher(options...)
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() { _ = launcher.Close() })
	return launcher
}

// inside is the way into all namespaces of a target that has its own of these types.
func inside(t *testing.T, types uint64) *way {
	t.Helper()
	set, err := ns.OfPID(testutil.Target(t, types).PID, ns.All)
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() { set.Close() })
	return &way{set: set}
}

// joins tells whether programs run in a mount namespace of their own.
func (w *way) joins() bool { return w.set != nil }

func (w *way) command(name string, arg ...string) *command {
	if w.exec {
		return ofExec(exec.Command(name, arg...))
	}
	if w.launcher != nil {
		return ofNsenter(w.launcher.Command(w.set, name, arg...))
	}
	return ofNsenter(nsenter.Command(w.set, name, arg...))
}

func (w *way) commandContext(ctx context.Context, name string, arg ...string) *command {
	if w.exec {
		return ofExec(exec.CommandContext(ctx, name, arg...))
	}
	if w.launcher != nil {
		return ofNsenter(w.launcher.CommandContext(ctx, w.set, name, arg...))
	}
	return ofNsenter(nsenter.CommandContext(ctx, w.set, name, arg...))
}

// empty is a command that was not made by a constructor.
func (w *way) empty() *command {
	if w.exec {
		return ofExec(&exec.Cmd{})
	}
	return ofNsenter(&nsenter.Cmd{})
}

// zoo runs a program of the zoo.
func (w *way) zoo(name string, arg ...string) *command {
	useParityZoo(name)
	return w.command(zooBinary, append([]string{zooArgument + name}, arg...)...)
}

func (w *way) zooContext(ctx context.Context, name string, arg ...string) *command {
	useParityZoo(name)
	return w.commandContext(ctx, zooBinary, append([]string{zooArgument + name}, arg...)...)
}

// shell runs a script: for what a Go program cannot tell of itself, such as which files it was started with.
func (w *way) shell(script string, arg ...string) *command {
	return w.command("/bin/sh", append([]string{"-c", script, "sh"}, arg...)...)
}
