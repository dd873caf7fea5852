//go:build linux && cgo

package main

import (
	"fmt"
	"strings"

	"golang.org/x/sys/unix"

	"nsexec/ns"
	"nsexec/nsenter"
)

// expectation is what may come of a fault: nothing, or one of these errors. What has started must be where it should be
// in any case.
type expectation struct {
	success bool
	errors  []want
}

// want is an error as it has to be.
type want struct {
	stage    nsenter.Stage
	op       string // "": whatever waits
	typ      ns.Type
	errno    unix.Errno
	cause    string // what it says of the cause
	deadline bool   // that it is the context's end
	anyType  bool
	anyErrno bool
}

func (w *want) matches(f *failure) bool {
	return f.Whole && f.Stage == w.stage && (w.op == "" || f.Op == w.op) && (w.anyType || f.Type == w.typ) &&
		(w.anyErrno || f.Errno == w.errno) && strings.Contains(f.Cause, w.cause) && f.Deadline == w.deadline
}

// judge compares what has come of a fault with what may.
func judge(s *scenario, r *record, o *outcome) (complaint string) {
	e := expect(s, r)
	if o.Failure == nil {
		if e.success {
			return ""
		}
		return fmt.Sprintf("succeeded, instead of %+v", e.errors)
	}
	for _, w := range e.errors {
		if w.matches(o.Failure) {
			return ""
		}
	}
	return fmt.Sprintf("%q (%s, %q, %s), instead of %+v, success %v", o.Failure.Text, o.Failure.Stage, o.Failure.Op,
		unix.ErrnoName(o.Failure.Errno), e.errors, e.success)
}

func expect(s *scenario, r *record) expectation {
	switch r.fault.Kind {
	case Fail:
		return expectFailed(s, r)
	case Kill:
		return expectEnd(s, r, killed)
	case Stop:
		return expectEnd(s, r, stopped)
	}
	return expectation{success: true}
}

// stageOf is what errors call the process that has made a call.
func stageOf(s *scenario, c *call) nsenter.Stage {
	switch {
	case c.Role == Caller:
		return nsenter.StageCaller
	case c.Role == Launcher || c.Role == Worker:
		return nsenter.StageLauncher
	case c.Phase == Ready || c.Phase == Boot:
		return nsenter.StagePayload
	case c.Role == Stage1:
		return nsenter.Stage1
	}
	return nsenter.Stage0
}

// expectFailed is for a call that has failed: the error says which. What precedes the constructor, and its activation,
// has no way to say so: that it has ended is told by its caller.
func expectFailed(s *scenario, r *record) expectation {
	c, errno := r.hit, r.fault.Errno
	switch {
	case c.Role == Caller:
		return expectCaller(c, errno)
	case c.Phase == Spawn: // os.StartProcess tells what its child could not do
		return expectation{errors: []want{{stage: nsenter.StageCaller, op: "start stage 0", errno: errno}}}
	case c.Phase == Loader || c.Phase == Activate:
		return expectation{
			success: c.Phase == Loader || c.NR == unix.SYS_UNSHARE && errno != unix.EINVAL,
			errors: []want{ // a loader without memory crashes
				{stage: stageOf(s, c), cause: "it has ended"},
				{stage: stageOf(s, c), cause: "it was killed by"},
			},
		}
	case c.Phase == Boot: // Go's runtime aborts, or does without
		w := want{stage: nsenter.StagePayload, op: "boot the Go runtime", cause: "it has ended before Init"}
		return expectation{success: true, errors: []want{w}}
	}
	for i := range rules {
		if rules[i].applies(s, r) {
			return rules[i].expect(s, r)
		}
	}
	return expectation{errors: []want{{stage: stageOf(s, c), op: "(no rule)"}}}
}

// dispensable are calls of the caller's that Go, or the library, can do without.
var dispensable = map[int]string{
	unix.SYS_FCNTL:             "os.File asks whether a file is blocking, and takes it for that",
	unix.SYS_EPOLL_CTL:         "os.File does without the poller",
	unix.SYS_SETSOCKOPT:        "SO_PASSPIDFD is new in 6.5",
	unix.SYS_PIDFD_OPEN:        "os.FindProcess does without",
	unix.SYS_OPENAT2:           "what /proc says is for telling exec from death",
	unix.SYS_PREAD64:           "the same; and of a launcher's signals those that have changed",
	unix.SYS_PIDFD_SEND_SIGNAL: "a stage that is not killed ends by itself",
	unix.SYS_SETPGID:           "procfs tells as well whether a payload has executed",
	unix.SYS_PPOLL:             "a pidfd that cannot be asked counts as alive",
	unix.SYS_READLINKAT:        "a target that cannot be read is joined by handles",
	unix.SYS_FSOPEN:            "without an overlay the executable is copied, and /proc does for a procfs",
	unix.SYS_FSCONFIG:          "the same",
	unix.SYS_FSMOUNT:           "the same",
	unix.SYS_STATX:             "a launcher is sent the directory that cannot be compared",
	callStat:                   "a launcher's thread is compared with the caller's where it can be",
	unix.SYS_FSTAT:             "a procfs that is made anew does as well as one that can be verified",
}

// expectCaller: whatever the caller cannot do by itself it says, with the errno.
func expectCaller(c *call, errno unix.Errno) expectation {
	return expectation{
		success: dispensable[c.NR] != "" || errno == unix.EINTR || errno == unix.EAGAIN,
		errors:  []want{{stage: nsenter.StageCaller, errno: errno, anyType: true}},
	}
}

// The two ways to end that a process does not notice.
var (
	killed  = want{cause: "killed"}
	stopped = want{deadline: true}
)

// expectEnd is for a process that does not go on: what it would have done next is what nobody hears of.
func expectEnd(s *scenario, r *record, how want) expectation {
	c := r.hit
	how.stage = stageOf(s, c)
	e := expectation{errors: []want{how}}
	if s.Launcher != oneShot && c.Role == Stage0 && !r.isReady(c) { // nobody but the launcher knows it before it speaks
		how.stage = nsenter.StageLauncher
		e.errors = append(e.errors, how)
	}
	switch {
	case c.Role == Launcher || c.Role == Stage0 && s.payload() != Stage0:
		// The rest does without it; and the next call finds a launcher gone, and starts another.
		e.success = r.hasCloned(c) || c.Role == Launcher && c.NR == unix.SYS_RECVMSG
	case c.Role == Worker:
		// Before it has a call, another launcher gets that. Afterwards Start waits for it to close its files, which its
		// end does too; and once they are closed, Start is over.
		e.success = c.Phase == Idle || c.Phase == Return && (!how.deadline || c.NR == unix.SYS_RECVMSG)
	case (c.Role == Maker || c.Role == Owner) && !how.deadline:
		e.errors = []want{{stage: nsenter.Stage0, op: "wait for helper", errno: unix.ECANCELED}}
	case c.Phase == Ready && !r.isReady(c):
		e.errors[0].stage = map[Role]nsenter.Stage{Stage0: nsenter.Stage0, Stage1: nsenter.Stage1}[c.Role]
	case c.Phase == Ready && !how.deadline: // it is seen to be dead before GO, or after
		e.errors = append(e.errors, want{stage: nsenter.StagePayload, op: "identify payload", errno: unix.ESRCH})
	}
	return e
}

// made are the calls of a number that a process had made before this one.
func (r *record) made(c *call, nr int) (calls []call) {
	for _, earlier := range r.calls {
		if earlier.Point == c.Point {
			break
		}
		if earlier.Role == c.Role && earlier.NR == nr {
			calls = append(calls, earlier)
		}
	}
	return calls
}

// hasCloned tells whether a process has cloned the next one on the way to the payload, which is its sibling.
func (r *record) hasCloned(c *call) bool {
	for _, clone := range r.made(c, unix.SYS_CLONE) {
		if clone.Args[0]&unix.CLONE_PARENT != 0 {
			return true
		}
	}
	return false
}

// isReady tells whether a payload has said READY.
func (r *record) isReady(c *call) bool {
	sent := r.made(c, unix.SYS_SENDMSG)
	return len(sent) > 0 && sent[len(sent)-1].Phase == Ready
}
