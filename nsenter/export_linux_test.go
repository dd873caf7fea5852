//go:build linux && cgo

package nsenter

import (
	"context"
	"os"

	"github.com/moby/sys/user"
	"golang.org/x/sys/unix"

	"nsexec/internal/sockpair"
	"nsexec/ns"
)

// What a process must have to be taken for stage 0.
const (
	Stage0Name   = stage0Name
	PipeVariable = pipeVariable
)

// MaxTravelling is how many files travel with a request at most.
const MaxTravelling = maxFiles

// HasExecuted asks the kernel.
var HasExecuted = hasExecuted

// KeptStatus asks it once for what a pidfd has.
var KeptStatus = keptStatus

// RequestMessage is a well-formed request to execute argv with the first files of those that travel.
func RequestMessage(argv []string, travelling int, files ...int) ([]byte, error) {
	r := request{
		pidfd: -1, root: -1, cwd: -1, input: -1, output: -1,
		path: argv[0], argv: argv, env: []string{"A=1", "B=2"},
		fds: make([]int, travelling), files: files,
	}
	return r.marshal()
}

// JoinMessage is a request to join one namespace, whose fd travels with it.
func JoinMessage(typ ns.Type) ([]byte, error) {
	r := request{
		plan:  plan{joins: []join{{typ: typ, fd: 0}}},
		pidfd: -1, root: -1, cwd: -1, input: -1, output: -1,
		path: "/bin/true", argv: []string{"true"}, fds: make([]int, 1),
	}
	return r.marshal()
}

// ReplyError is the error that a reply carries, or why it is no such reply.
func ReplyError(message []byte) (*Error, error) {
	r, err := parseReply(message)
	if err != nil {
		return nil, err
	}
	return r.failure(), nil
}

// StartHearingBooted is the error of a Start that hears nothing but BOOTED.
func StartHearingBooted() error {
	callers, stages, err := sockpair.New()
	if err != nil {
		return err
	}
	defer stages.Close()
	l := &launch{cmd: &Cmd{}, ctx: context.Background(), channel: newChannel(callers)}
	defer l.channel.close()
	if _, err := stages.Write(bootedReply()); err != nil {
		return err
	}
	return l.awaitReady()
}

// ResultHeard tells whether a caller hears that its function has a result, when a stage has said something before that.
func ResultHeard() (bool, error) {
	callers, stages, err := sockpair.New()
	if err != nil {
		return false, err
	}
	defer callers.Close()
	defer stages.Close()
	for _, said := range [][]byte{bootedReply(), bootedReply(), {doneByte}} {
		if _, err := stages.Write(said); err != nil {
			return false, err
		}
	}
	f := &functionCall{heard: make(chan struct{})}
	ended := &child{exited: make(chan struct{})}
	close(ended.exited)
	f.watch(callers, ended)
	return f.done, nil
}

// MoveMessage is a request that a process of that pid makes for itself: to join
// nothing, or a namespace by its fd.
func MoveMessage(pid int, fds []int, types ...ns.Type) ([]byte, error) {
	r := request{pidfd: -1, root: -1, cwd: -1, input: -1, output: -1, argv: []string{"moved"}, fds: fds}
	for i, t := range types {
		r.plan.joins = append(r.plan.joins, join{typ: t, fd: i})
	}
	message, err := r.marshal()
	return append(moveHeader(pid, fds), message...), err
}

// MoveFailure is why this program is not where it was to be, or nil.
func MoveFailure() error {
	if _, failure := movedHere(); failure != nil {
		return failure
	}
	return nil
}

// Explain adds the hint that Start would, for new namespaces of these types.
func Explain(e *Error, create ns.Type) string {
	_ = explain(e, &scene{create: create, pid: os.Getpid()})
	return e.Hint
}

// IsReady tells whether a reply says READY.
func IsReady(message []byte) bool {
	r, err := parseReply(message)
	return err == nil && r.kind == replyReady
}

// FirstRange is the first of these ranges that can be mapped; each is a first id and a count.
func FirstRange(ranges ...[2]int64) (IDMap, error) {
	var subIDs []user.SubID
	for _, r := range ranges {
		subIDs = append(subIDs, user.SubID{SubID: r[0], Count: r[1]})
	}
	return firstRange("file", subIDs)
}

// LargestID is the largest that an IDMap can hold.
const LargestID = largestID

// ReadPartsOf tells how much is read of an output that begins with text, and has that size.
func ReadPartsOf(text string, size int64) (int, error) {
	f, err := newMemory("output")
	if err != nil {
		return 0, err
	}
	defer f.Close()
	if _, err := f.WriteString(text); err != nil {
		return 0, err
	}
	if err := f.Truncate(size); err != nil {
		return 0, err
	}
	data, err := readParts(f, &functionOutput{}, maxHeaderLine, 1<<20)
	return len(data), err
}

// What a process must have to be taken for a launcher, and the size of what it says.
const (
	LauncherName = launcherName
	ReplySize    = replySize
)

// What a launcher can be called for.
const (
	CallStartWorkers = callStartWorkers
	CallClone        = callClone
	CallWorker       = callWorker
	CallWho          = callWho
)

// CallMessage is what a launcher is sent with that many fds.
func CallMessage(kind callKind, nfds int) []byte { return callMessage(kind, nfds, 1) }

// ClonedPID is the pid that a reply tells, or why it is no such reply.
func ClonedPID(message []byte) (int, error) {
	r, err := parseReply(message)
	if err == nil && r.kind != replyCloned {
		err = r.failure()
	}
	return r.pid, err
}

// IsServing tells whether a reply says SERVING.
func IsServing(message []byte) bool {
	r, err := parseReply(message)
	return err == nil && r.kind == replyServing
}

// PID is that of the launcher that runs, or has run last.
func (l *Launcher) PID() int {
	l.mu.Lock()
	defer l.mu.Unlock()
	return l.running.process.Pid
}

// Workers is how many threads of the launcher start payloads.
func Workers(l *Launcher) int { return int(l.running.workers.count) }

// HasCall tells whether the launcher has been sent a call for a worker that none has read.
func (l *Launcher) HasCall() bool {
	l.mu.Lock()
	defer l.mu.Unlock()
	unread, err := unix.IoctlGetInt(int(l.running.workers.socket.Fd()), unix.SIOCOUTQ)
	return err == nil && unread > 0
}

// ErrThreadMoved is the cause of what a Start refuses on a thread that has moved.
var ErrThreadMoved = errThreadMoved
