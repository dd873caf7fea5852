package nsenter

import (
	"context"
	"fmt"
	"io"
	"os"
	"os/exec"
	"strconv"
	"strings"
	"sync/atomic"
	"time"

	"nsexec/ns"
)

// Cmd is a program to be run inside namespaces, as [exec.Cmd] is one to be run
// where its caller is. Fields of the same name mean the same. A Cmd cannot be
// used again after Start, Run, Output or CombinedOutput.
//
// What differs from os/exec, on purpose:
//   - A bare name is looked up when the program starts, by the payload, inside
//     its mount namespace, along its own PATH (Env's, not the caller's). Path
//     stays as it was given, and failure is Start's.
//   - Relative and empty entries of PATH are skipped ([exec.ErrDot] if the
//     program is only there), whatever GODEBUG=execerrdot says. A file that is
//     there but not executable is an [os.ErrPermission] if no other entry has
//     the program.
//   - Dir "" is the root once a mount namespace is joined or Root is given: the
//     caller's directory does not exist there.
//   - The library reaps the payload as soon as it exits, since an unreaped
//     process keeps a pid namespace from ending. Use Wait, not Process.Wait.
//   - Once the payload has exited, Cancel is not said to have ended it: Wait
//     gives its status, not the context's error.
//   - The payload gets no file but Stdin, Stdout, Stderr and ExtraFiles, not
//     even one that the caller has without close-on-exec. A file of these that
//     is closed is an error.
//   - Its inheritable and ambient capabilities are empty, unless
//     New.KeepCapabilities asks for them.
//   - The context and StartTimeout bound Start.
//   - A failure to start is an [*Error].
//   - There is no SysProcAttr: see Credential, Root and BeforeExec.
type Cmd struct {
	// Path is the program: a path inside the payload's mount namespace, or a
	// bare name. Relative paths are relative to Dir.
	Path string
	// Args holds the arguments, Args[0] being the name; empty means {Path}.
	Args []string
	// Env is the environment, "key=value"; nil means the caller's. The last of
	// several values for a key counts.
	Env []string
	// Dir is the working directory, a path inside the payload's root.
	Dir string

	// Stdin, Stdout and Stderr are as in os/exec: nil is the caller's
	// /dev/null, an *os.File is handed over, anything else is copied.
	Stdin  io.Reader
	Stdout io.Writer
	Stderr io.Writer
	// ExtraFiles become fds 3 and up; a nil entry is a closed fd. At most 1,000.
	ExtraFiles []*os.File

	// Cancel is called when the context of CommandContext is done, whose
	// default is to kill the payload. If it is nil the payload goes on, for
	// WaitDelay if that is set.
	Cancel func() error
	// WaitDelay bounds how long Wait waits for the payload after the context is
	// done, and for Stdin, Stdout and Stderr after the payload has exited.
	WaitDelay time.Duration
	// Err, if set, is returned by Start.
	Err error

	// StartTimeout bounds the way to the payload (until BeforeExec is called),
	// and again the way from there to exec; zero is 30 s, negative none. When
	// it passes, Start kills what it started; its error is an
	// [os.ErrDeadlineExceeded].
	StartTimeout time.Duration
	// Unshare are namespaces to create, on top of those joined: any subset of
	// the eight. New says what they are like.
	Unshare ns.Type
	// New is what the namespaces of Unshare are like.
	New New
	// KillOnExit kills the payload when the caller exits, however that happens
	// (PR_SET_PDEATHSIG, which executing a set-user-ID program clears). That is
	// tied to a thread of the library's, so Start refuses it on a thread that
	// is in other namespaces than the program: inside of [ns.Handle.Do], say.
	KillOnExit bool
	// KillSignal is what KillOnExit kills with; nil is [os.Kill]. Process 1 of a
	// pid namespace ignores any other that it has no handler for (pid_namespaces(7)).
	KillSignal os.Signal
	// Init makes the payload a minimal init whose child is the program: it
	// reaps what is orphaned, hands signals on, and exits as the program does,
	// with 128 + n where that died of signal n. For a new pid namespace.
	Init bool
	// Setsid puts the payload into a session of its own, without a controlling
	// terminal. Where the caller has one, this keeps what runs in the target
	// from typing there and from reading what is typed.
	Setsid bool
	// Setctty makes Stdin, which has to be a terminal, the controlling one of the
	// session that Setsid creates. It should be one of the payload's own: a pty.
	Setctty bool
	// Credential is who the payload is. Nil is root of the user namespace that
	// is joined or created, if it has one, and no change if there is none.
	Credential *Credential
	// Root is an open directory that becomes the payload's root, or nil.
	Root *os.File
	// WorkDir is an open directory that becomes the payload's working
	// directory, or nil. Dir, if relative, starts from it. A new mount
	// namespace does not have it: use Dir for a path in there.
	WorkDir *os.File
	// BeforeExec is called when the payload is complete but for exec, and waits
	// for it. Process is set. The pid is the caller's view of it. Signals and
	// pidfds always work; /proc/PID may be read only by the privileged, since
	// the payload is not dumpable before exec. An error kills the payload and
	// is Start's.
	BeforeExec func(pid int) error
	// Trace is called for every step that the stages take, in order, before
	// Start returns.
	Trace func(Step)

	// Process is the payload, a child of the caller, once Start has succeeded
	// or BeforeExec is called. Process.WithHandle lends its pidfd.
	Process *os.Process
	// ProcessState is how the payload ended, after Wait.
	ProcessState *os.ProcessState

	set      *ns.Set
	launcher *Launcher // nil: one-shot
	ctx      context.Context
	stdio    plumbing
	started  atomic.Bool
	runs     bool // whoever starts it waits for it: Run
	child    *child
	stages   []*child // those that are not the payload
	watch    chan watchResult
	copies   chan error
	joinMode joinMode
	function *functionCall // nil: a program

	mapped func(owner int) error // called when the process that is in a new user namespace has its maps
}

// joinMode says which way of joining is taken; tests force each.
type joinMode int

const (
	joinAuto      joinMode = iota
	joinByProcess          // one setns on the target's pidfd
	joinByHandles          // one setns a namespace
)

// Unchanged is the UID or GID of a Credential that leaves that id as it is.
const Unchanged = -1

// Credential is who a payload is, in numbers of the user namespace that it is in.
type Credential struct {
	UID int
	GID int
	// Groups are the supplementary groups; they are set together with GID,
	// and dropped if empty. New.DenySetgroups denies them too.
	Groups []int
}

// maxID is the largest id there is: the kernel takes the one above it for "unchanged".
const maxID = 1<<32 - 2

// check refuses what would become another id in 32 bits.
func (cr *Credential) check() error {
	if cr == nil {
		return nil
	}
	for _, id := range append([]int{max(cr.UID, 0), max(cr.GID, 0)}, cr.Groups...) {
		if id < 0 || int64(id) > maxID {
			return callerError("set ids", strconv.Itoa(id), errnoInvalid)
		}
	}
	if cr.UID < Unchanged || cr.GID < Unchanged {
		return callerError("set ids", fmt.Sprintf("%d:%d", cr.UID, cr.GID), errnoInvalid)
	}
	return nil
}

// Step is something that a stage has done, on the way from Start to exec.
type Step struct {
	Stage Stage
	// Op is what was done, Type the namespaces concerned, or zero.
	Op   string
	Type ns.Type
	// PID is that of the process, as the caller sees it.
	PID int
	// Since is the time since Start was called.
	Since time.Duration
}

// Command returns a Cmd that runs the named program inside the namespaces of
// set. A nil Set joins nothing. The Set may be closed as soon as Start has
// returned.
func Command(set *ns.Set, name string, arg ...string) *Cmd {
	return &Cmd{
		Path: name,
		Args: append([]string{name}, arg...),
		set:  set,
	}
}

// CommandContext is Command with a context: when it is done before the program
// has exited, Cancel is called, which kills it unless it was set to do
// something else. It bounds Start too.
func CommandContext(ctx context.Context, set *ns.Set, name string, arg ...string) *Cmd {
	if ctx == nil {
		panic("nsenter: nil Context")
	}
	c := Command(set, name, arg...)
	c.ctx = ctx
	c.Cancel = func() error { return c.Process.Kill() }
	return c
}

// String is for people: the program and its arguments, unquoted.
func (c *Cmd) String() string {
	return strings.Join(append([]string{c.Path}, c.argv()[1:]...), " ")
}

func (c *Cmd) argv() []string {
	if len(c.Args) > 0 {
		return c.Args
	}
	return []string{c.Path}
}

// joins reports whether a namespace of that type is in the set.
func (c *Cmd) joins(t ns.Type) bool {
	return c.set != nil && c.set.Types()&t != 0
}

// hasOwnRoot reports whether the payload's root is not the caller's.
func (c *Cmd) hasOwnRoot() bool {
	return c.Root != nil || c.joins(ns.Mount)
}

// exitError is what Wait returns for a payload that ran and failed.
func exitError(state *os.ProcessState) error {
	if state.Success() {
		return nil
	}
	return &exec.ExitError{ProcessState: state}
}
