//go:build linux && cgo

package main

import (
	"bytes"
	"fmt"
	"os"
	"slices"
	"strconv"

	"golang.org/x/sys/unix"
)

// Role is who makes a call.
type Role string

// The processes of a Start.
const (
	Caller   Role = "caller" // the thread that Start is called on
	Launcher Role = "launcher"
	Worker   Role = "worker" // any of a launcher's threads: the one that has the call
	Stage0   Role = "stage 0"
	Maker    Role = "maker" // of new namespaces, for stage 0
	Owner    Role = "owner" // of them, for the maker
	Stage1   Role = "stage 1"
)

// Phase is how far a process has got.
type Phase string

// The phases, in order. Processes that are cloned by a stage begin with steps.
const (
	Idle     Phase = "idle"     // a worker, before it has a call
	Spawn    Phase = "spawn"    // the caller's child, before it executes the program again
	Loader   Phase = "loader"   // the program, before its constructor
	Activate Phase = "activate" // the constructor, before it has reason to speak
	Steps    Phase = "steps"
	Ready    Phase = "ready"  // from READY to exec: the payload
	Boot     Phase = "boot"   // a function's Go runtime
	Return   Phase = "return" // a worker, to where it waits for calls, once its payload has executed
	Executed Phase = "executed"
)

// Point is a call that something can be done to: the n-th of that number by that process.
type Point struct {
	Role Role
	NR   int
	N    int
}

func (p Point) String() string { return fmt.Sprintf("%s's %s #%d", p.Role, callName(p.NR), p.N) }

// call is one that has been made, or is about to be.
type call struct {
	Point
	Phase Phase
	Args  [6]uint64
}

// process is what is known of one.
type process struct {
	role  Role
	phase Phase
	count map[int]int // calls, by number
}

// record is what happens in one case.
type record struct {
	scenario *scenario
	caller   int // its pid
	fault    *fault
	hit      *call // what it was done to

	isOutlived bool // the target was gone when the call was made
	calls      []call

	thread    int          // the caller's that runs Start; 0: it does not
	threads   map[int]bool // those that are not asked about
	processes map[int]*process
	workers   map[int]int // calls of all of them, by number
	roles     []Role      // those that are still to come, in order
}

func newRecord(s *scenario, caller, launcher int, f *fault) *record {
	r := &record{
		scenario: s, caller: caller, fault: f, roles: s.roles(),
		threads: make(map[int]bool), processes: make(map[int]*process), workers: make(map[int]int),
	}
	if launcher != 0 {
		r.processes[launcher] = &process{role: Launcher, phase: Steps, count: make(map[int]int)}
		r.roles = r.roles[1:]
	}
	return r
}

// Marks are calls by which the caller says where Start begins and ends: prctl(2) knows no such option.
const (
	markBegin = 0x73770001
	markEnd   = 0x73770002
)

// note adds a call, and tells whether it is the one to be interfered with.
func (r *record) note(n *notification) (c *call, hit bool) {
	tid, nr := int(n.pid), int(n.nr)
	if nr == unix.SYS_PRCTL && r.mark(tid, n.args[0]) {
		return nil, false
	}
	p := r.process(tid)
	if p == nil || p.phase == Executed {
		return nil, false
	}
	isPayload := p.role == r.scenario.payload()
	p.arrive(nr, isPayload)
	p.count[nr]++
	c = &call{Point: Point{p.role, nr, p.count[nr]}, Phase: p.phase, Args: n.args}
	r.calls = append(r.calls, *c)
	p.leave(c, isPayload)
	if r.fault == nil || r.hit != nil || r.fault.Point != c.Point {
		return c, false
	}
	r.hit = c
	return c, true
}

// forget undoes note, but for the phase.
func (r *record) forget(n *notification, c *call) {
	r.hit = nil
	r.processes[int(n.pid)].count[c.NR]--
}

func (r *record) mark(tid int, option uint64) bool {
	switch option {
	case markBegin:
		r.thread = tid
		r.processes[tid] = &process{role: Caller, phase: Steps, count: make(map[int]int)}
	case markEnd:
		r.thread = 0
	default:
		return false
	}
	return true
}

// process is nil for the caller's other threads, for what there should not be, and after Start: but for a worker, who
// may only now be back where he waits for calls.
func (r *record) process(tid int) *process {
	p := r.processes[tid]
	switch {
	case r.thread == 0 && (p == nil || p.phase != Return), r.threads[tid]:
		return nil
	case p != nil:
		return p
	}
	if group := threadGroup(tid); group != tid {
		return r.addThread(tid, group)
	}
	if len(r.roles) == 0 {
		return nil
	}
	p = &process{role: r.roles[0], phase: r.scenario.firstPhase(r.roles[0]), count: make(map[int]int)}
	r.processes[tid] = p
	r.roles = r.roles[1:]
	return p
}

// addThread counts the calls of a launcher's workers together: any of them may get what comes.
func (r *record) addThread(tid, group int) *process {
	if p := r.processes[group]; p == nil || p.role != Launcher {
		r.threads[tid] = true
		return nil
	}
	p := &process{role: Worker, phase: Idle, count: r.workers}
	r.processes[tid] = p
	return p
}

// isAtRest tells whether the worker that had the call, if one had, waits for the next one.
func (r *record) isAtRest() bool {
	for _, p := range r.processes {
		if p.phase == Return {
			return false
		}
	}
	return true
}

// threadGroup is the process that a thread is one of, or zero.
func threadGroup(tid int) int {
	text, _ := os.ReadFile(fmt.Sprintf("/proc/%d/status", tid))
	for line := range bytes.Lines(text) {
		if rest, ok := bytes.CutPrefix(line, []byte("Tgid:")); ok {
			pid, _ := strconv.Atoi(string(bytes.TrimSpace(rest)))
			return pid
		}
	}
	return 0
}

// activation are the calls by which the constructor finds out whether it is asked for anything.
var activation = []int{unix.SYS_GETSOCKOPT, unix.SYS_GETPPID, unix.SYS_UNSHARE}

// arrive is called before a call is counted, which tells where the process has got to.
func (p *process) arrive(nr int, isPayload bool) {
	switch {
	case p.phase == Idle && (nr == unix.SYS_SETNS || nr == unix.SYS_CLONE):
		p.phase = Steps
	case p.phase == Loader && nr == unix.SYS_GETSOCKOPT:
		p.phase = Activate
	case p.phase == Activate && !slices.Contains(activation, nr):
		p.phase = Steps
	case p.phase == Steps && isPayload && (nr == unix.SYS_GETUID || nr == unix.SYS_SENDMSG):
		p.phase = Ready
	}
}

// leave is called afterwards, for what follows.
func (p *process) leave(c *call, isPayload bool) {
	switch {
	case p.phase == Spawn && c.NR == unix.SYS_EXECVE:
		p.phase = Loader
	case p.role == Worker && c.NR == unix.SYS_CLONE:
		p.phase = Return
	case p.phase == Return && c.NR == unix.SYS_RECVMSG:
		p.phase = Executed
	case p.phase == Ready && isPayload && c.NR == unix.SYS_EXECVE:
		p.phase = Executed
	case p.phase == Boot && c.NR == unix.SYS_WRITE: // BOOTED
		p.phase = Executed
	case p.phase == Ready && isPayload && c.NR == unix.SYS_PRCTL && c.Args[0] == unix.PR_SET_NAME:
		p.phase = Boot // a function says so by its title
	}
}
