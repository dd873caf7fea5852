//go:build linux && cgo

package nsenter

/*
#cgo CFLAGS: -std=gnu11
#include "available.h"
#include "request.h"
*/
import "C"

import (
	"bytes"
	"encoding/binary"
	"fmt"
	"os/exec"
	"strings"
	"time"
	"unsafe"

	"golang.org/x/sys/unix"

	"nsexec/ns"
)

// This file is the Go end of the wire: whatever request.h defines is named here
// and nowhere else.

const (
	stage0Name   = C.NSENTER_ARGV0
	stage0Title  = C.NSENTER_TITLE_0
	launcherName = C.NSENTER_ARGV0_LAUNCHER
	pipeVariable = C.NSENTER_PIPE_ENV
	cancelByte   = C.NSENTER_CANCEL
	doneByte     = C.NSENTER_DONE
	maxFilesSent = C.NSENTER_SCM_MAX_FD
	maxFiles     = C.NSENTER_MAX_FDS
	maxRequest   = C.NSENTER_MAX_REQUEST
	maxGroups    = C.NSENTER_MAX_GROUPS
	maxJoins     = C.NSENTER_MAX_JOINS
	maxShared    = C.NSENTER_SHARED_REQUEST
	headerSize   = C.sizeof_struct_nsenter_request
	maxSignal    = C.NSENTER_MAX_SIGNAL
	replySize    = C.sizeof_struct_nsenter_reply
)

const (
	loadedOK        = C.NSENTER_LOAD_OK
	loadedInLibrary = C.NSENTER_LOAD_LIBRARY
	loadedSecure    = C.NSENTER_LOAD_SECURE
	loadedAsPayload = C.NSENTER_LOAD_PAYLOAD
)

func loadedAs() uint32 { return uint32(C.nsenter_load()) }

// leavesZombies tells whether children of ours that have exited wait for us.
func leavesZombies() bool { return C.nsenter_leaves_zombies() != 0 }

// refusals tells what the exit statuses of a stage 0 mean that read no request.
var refusals = map[int]string{
	C.NSENTER_EXIT_SECURE:   "the program gains privileges when it is executed",
	C.NSENTER_EXIT_VARIABLE: "the variable " + pipeVariable + " did not reach it",
	C.NSENTER_EXIT_SOCKET:   "its socket did not reach it",
	C.NSENTER_EXIT_PEER:     "its parent is not the caller, which has exited or is in another pid namespace",
	C.NSENTER_EXIT_THREADS:  "other threads ran before the constructor",
	127: "the dynamic loader could not load the program again; from its sealed copy, libraries named " +
		"by $ORIGIN are not found: set LD_LIBRARY_PATH, or link them statically",
}

// request is what stage 0 is asked, before it is bytes.
type request struct {
	plan   plan
	new    New
	fds    []int // everything that travels
	files  []int // indices among fds, -1: closed
	pidfd  int   // indices among fds, -1: none
	root   int
	cwd    int
	input  int
	output int

	path, dir string
	rootPath  string // where root is, for a new mount namespace
	argv, env []string

	inherited *inherited // nil: nothing

	credential   *Credential
	idsIfMapped  bool
	noSetgroups  bool
	trySetgroups bool
	newRoot      bool
	callerMaps   bool
	deathSignal  int
	init         bool
	setsid       bool
	setctty      bool
	trace        bool
}

func (r *request) flags() C.uint32_t {
	var flags C.uint32_t
	for _, f := range []struct {
		flag C.uint32_t
		set  bool
	}{
		{C.NSENTER_F_TRACE, r.trace},
		{C.NSENTER_F_FORK, r.plan.types()&ns.PID != 0},
		{C.NSENTER_F_SET_UID, r.credential != nil && r.credential.UID != Unchanged},
		{C.NSENTER_F_SET_GID, r.credential != nil && r.credential.GID != Unchanged},
		{C.NSENTER_F_IDS_IF_MAPPED, r.idsIfMapped},
		{C.NSENTER_F_NO_SETGROUPS, r.noSetgroups},
		{C.NSENTER_F_TRY_SETGROUPS, r.trySetgroups},
		{C.NSENTER_F_NEW_ROOT, r.newRoot},
		{C.NSENTER_F_CALLER_MAPS, r.callerMaps},
		{C.NSENTER_F_DENY_SETGROUPS, r.new.DenySetgroups},
		{C.NSENTER_F_MOUNT_PROC, r.new.MountProc},
		{C.NSENTER_F_LOOPBACK_UP, r.new.LoopbackUp},
		{C.NSENTER_F_PIVOT, r.new.PivotRoot},
		{C.NSENTER_F_KEEP_CAPS, r.new.KeepCapabilities},
		{C.NSENTER_F_FUNCTION, r.input >= 0},
		{C.NSENTER_F_INIT, r.init},
		{C.NSENTER_F_INHERIT, r.inherited != nil},
		{C.NSENTER_F_SETSID, r.setsid},
		{C.NSENTER_F_SETCTTY, r.setctty},
	} {
		if f.set {
			flags |= f.flag
		}
	}
	return flags
}

func (r *request) groups() []int {
	if r.credential == nil {
		return nil
	}
	return r.credential.Groups
}

// appendBody adds everything after the header, in the order that request.h gives.
func (r *request) appendBody(b []byte) []byte {
	b = r.inherited.appendBody(b)
	for _, i := range r.files {
		b = binary.NativeEndian.AppendUint32(b, uint32(int32(i)))
	}
	for _, gid := range r.groups() {
		b = binary.NativeEndian.AppendUint32(b, uint32(gid))
	}
	fixed := []string{r.path, r.rootPath, r.dir, mapText(r.new.UIDMappings), mapText(r.new.GIDMappings), r.new.offsetsText(),
		r.new.Hostname, r.new.Domainname, r.new.procDir()}
	for _, strings := range [][]string{fixed, r.argv, r.env} {
		for _, s := range strings {
			b = appendString(b, s)
		}
	}
	return b
}

func appendString(b []byte, s string) []byte {
	b = binary.NativeEndian.AppendUint32(b, uint32(len(s)))
	b = append(b, s...)
	return append(b, 0)
}

// marshal is the message, header first. It fails for what does not fit.
func (r *request) marshal() ([]byte, error) {
	message := r.appendBody(make([]byte, headerSize, 2*headerSize+4096)) // mostly enough
	switch {
	case len(message) > maxRequest:
		return nil, &Error{Op: "send request", Errno: unix.E2BIG, Hint: "arguments and environment are too long"}
	case len(r.files) > maxFiles || len(r.fds) > maxFiles:
		return nil, &Error{Op: "send request", Errno: errnoInvalid, Hint: fmt.Sprintf("more than %d files", maxFiles)}
	case len(r.groups()) > maxGroups:
		return nil, &Error{Op: "send request", Errno: errnoInvalid, Hint: fmt.Sprintf("more than %d groups", maxGroups)}
	case len(r.plan.joins) > maxJoins:
		return nil, &Error{Op: "send request", Errno: errnoInvalid, Hint: fmt.Sprintf("more than %d joins", maxJoins)}
	}
	header := r.header(len(message))
	copy(message, unsafe.Slice((*byte)(unsafe.Pointer(&header)), headerSize))
	return message, nil
}

func (r *request) header(total int) C.struct_nsenter_request {
	owner := r.new.owner()
	h := C.struct_nsenter_request{
		magic:   C.NSENTER_MAGIC,
		size:    C.sizeof_struct_nsenter_request,
		total:   C.uint32_t(total),
		flags:   r.flags(),
		nfds:    C.uint32_t(len(r.fds)),
		nfiles:  C.uint32_t(len(r.files)),
		ngroups: C.uint32_t(len(r.groups())),
		argc:    C.uint32_t(len(r.argv)),
		envc:    C.uint32_t(len(r.env)),
		njoins:  C.uint32_t(len(r.plan.joins)),
		pidfd:   C.int32_t(r.pidfd),
		root:    C.int32_t(r.root),
		cwd:     C.int32_t(r.cwd),
		input:   C.int32_t(r.input),
		output:  C.int32_t(r.output),
		create:  C.uint64_t(r.plan.create),
		here:    -1,

		owner_uid:    C.uint32_t(owner.UID),
		owner_gid:    C.uint32_t(owner.GID),
		death_signal: C.uint32_t(r.deathSignal),
	}
	if in := r.inherited; in != nil {
		h.blocked = C.uint64_t(in.blocked)
		h.nice = C.int32_t(in.nice)
		h.nlimits = C.uint32_t(len(in.limits))
		h.ncpus = C.uint32_t(len(in.cpus) / 8)
		h.here = C.int32_t(in.here)
	}
	if r.plan.create&ns.Mount != 0 {
		h.propagation = C.uint32_t(r.new.Propagation.mountFlags())
	}
	if r.credential != nil {
		h.uid = C.uint32_t(r.credential.UID)
		h.gid = C.uint32_t(r.credential.GID)
	}
	for i, j := range r.plan.joins {
		h.joins[i]._type = C.uint64_t(j.typ)
		h.joins[i].inode = C.uint64_t(j.inode)
		h.joins[i].fd = C.int32_t(j.fd)
	}
	return h
}

// goMessage lets a payload go on; without an inheritance nothing of that is looked at.
func goMessage(in lateInheritance) []byte {
	raw := C.struct_nsenter_go{_go: C.NSENTER_GO, umask: C.uint32_t(in.umask), ignored: C.uint64_t(in.ignored)}
	return bytes.Clone(unsafe.Slice((*byte)(unsafe.Pointer(&raw)), C.sizeof_struct_nsenter_go))
}

// callKind says what a launcher is to do.
type callKind uint16

const (
	callStartWorkers callKind = C.NSENTER_CALL_START_WORKERS
	callClone        callKind = C.NSENTER_CALL_CLONE
	callWorker       callKind = C.NSENTER_CALL_WORKER
	callWho          callKind = C.NSENTER_CALL_WHO
)

// callMessage is what a launcher is sent with that many fds.
func callMessage(kind callKind, nfds int, number uint64) []byte {
	raw := C.struct_nsenter_call{
		magic: C.NSENTER_MAGIC, kind: C.uint16_t(kind), nfds: C.uint16_t(nfds), number: C.uint64_t(number),
	}
	return bytes.Clone(unsafe.Slice((*byte)(unsafe.Pointer(&raw)), C.sizeof_struct_nsenter_call))
}

// replyKind says what a reply is.
type replyKind uint32

const (
	replyStep    replyKind = C.NSENTER_STEP
	replyCloned  replyKind = C.NSENTER_CLONED
	replyMap     replyKind = C.NSENTER_MAP
	replyReady   replyKind = C.NSENTER_READY
	replyError   replyKind = C.NSENTER_ERROR
	replyBooted  replyKind = C.NSENTER_BOOTED
	replyServing replyKind = C.NSENTER_SERVING
)

// reply is what a stage says.
type reply struct {
	kind   replyKind
	stage  Stage
	errno  Errno
	detail uint32
	pid    int
	typ    ns.Type
	time   time.Time
	op     string
	object string
	behind string // the object's NUL
}

// Stages have the same numbers on both ends.
var (
	_ = [1]struct{}{}[Stage0-C.NSENTER_STAGE_0]
	_ = [1]struct{}{}[Stage1-C.NSENTER_STAGE_1]
	_ = [1]struct{}{}[StagePayload-C.NSENTER_STAGE_PAYLOAD]
	_ = [1]struct{}{}[StageLauncher-C.NSENTER_STAGE_LAUNCHER]
)

// parseReply believes nothing: the process that speaks may be in a container
// that has got hold of it.
func parseReply(b []byte) (reply, error) {
	var raw C.struct_nsenter_reply
	if len(b) != replySize {
		return reply{}, fmt.Errorf("a reply of %d bytes instead of %d", len(b), replySize)
	}
	copy(unsafe.Slice((*byte)(unsafe.Pointer(&raw)), replySize), b)
	r := reply{
		kind:   replyKind(raw.kind),
		stage:  Stage(raw.stage),
		errno:  Errno(raw.error),
		detail: uint32(raw.detail),
		pid:    int(raw.pid),
		typ:    ns.Type(raw._type),
		time:   time.Unix(0, int64(raw.time)),
		op:     plain(text(raw.op[:])),
		object: text(raw.object[:]),
	}
	if end := len(r.object) + 1; end < len(raw.object) {
		r.behind = text(raw.object[end:])
	}
	if raw.magic != C.NSENTER_MAGIC || r.kind < replyStep || r.kind > replyServing {
		return reply{}, fmt.Errorf("a reply that is none")
	}
	if r.pid < 0 || r.kind == replyMap && r.pid == 0 {
		return reply{}, fmt.Errorf("a reply without a pid")
	}
	if r.stage < Stage0 || r.stage > StageLauncher || raw.error < 0 {
		return reply{}, fmt.Errorf("a reply with a stage or an errno that does not exist")
	}
	return r, nil
}

// text is a C string that need not end.
func text(chars []C.char) string {
	var b strings.Builder
	for _, c := range chars {
		if c == 0 {
			break
		}
		b.WriteByte(byte(c))
	}
	return b.String()
}

// plain is text that is shown as it is: whoever speaks must not control a terminal.
func plain(text string) string {
	return strings.Map(func(r rune) rune {
		if r < ' ' || r > '~' {
			return '?'
		}
		return r
	}, text)
}

// failure is the error that an ERROR reply is.
func (r *reply) failure() *Error {
	e := &Error{Stage: r.stage, Op: r.op, Type: r.typ, Path: strings.TrimSpace(r.object), Errno: r.errno}
	switch r.detail {
	case C.NSENTER_D_LOOKUP:
		e.notFound = true
	case C.NSENTER_D_DOT:
		e.Err = exec.ErrDot
	case C.NSENTER_D_INTERPRETER:
		e.Hint = "the program is there; its interpreter is not" + quoted(r.behind)
	case C.NSENTER_D_NOEXEC:
		e.Hint = "it is on a noexec mount"
	case C.NSENTER_D_OUTSIDE:
		e.Hint = "the directory lies outside the payload's root"
	case C.NSENTER_D_CHANGED:
		e.Hint = "the target has changed its namespaces since the set was made"
	case C.NSENTER_D_MALFORMED:
		e.Hint = "malformed request: " + plain(r.object)
		e.Path = ""
	}
	return e
}

// quoted is for what the target has written: it must not control a terminal.
func quoted(s string) string {
	if s == "" {
		return ""
	}
	return fmt.Sprintf(": %q", s)
}

// movedHere tells whether this is a program that Reexec has sent inside, or why
// it could not be.
func movedHere() (done bool, failure *Error) {
	moved := C.nsenter_moved()
	if moved.state != C.NSENTER_MOVE_FAILED {
		return moved.state == C.NSENTER_MOVE_DONE, nil
	}
	r, err := parseReply(unsafe.Slice((*byte)(unsafe.Pointer(&moved.error)), replySize))
	if err != nil {
		return false, callerError("move", "", err)
	}
	return false, r.failure()
}

// moveHeader is what stands in front of a request that a process of that pid
// makes for itself.
func moveHeader(pid int, fds []int) []byte {
	h := C.struct_nsenter_move{
		magic: C.NSENTER_MOVE_MAGIC,
		size:  C.sizeof_struct_nsenter_move,
		pid:   C.int32_t(pid),
		nfds:  C.uint32_t(len(fds)),
	}
	for i, fd := range fds {
		h.fds[i] = C.int32_t(fd)
	}
	return bytes.Clone(unsafe.Slice((*byte)(unsafe.Pointer(&h)), C.sizeof_struct_nsenter_move))
}

// functionFDs are what the constructor has left to a function in its payload;
// ok is false everywhere else.
func functionFDs() (sock, input, output int, ok bool) {
	f := C.nsenter_function()
	return int(f.sock), int(f.input), int(f.output), f.sock >= 0
}

// functionDeathSignal is what a function's payload is to die of with its caller, or zero.
func functionDeathSignal() int { return int(C.nsenter_function().death_signal) }

// bootedReply is what a function's payload says once Init has been called.
func bootedReply() []byte {
	raw := C.struct_nsenter_reply{magic: C.NSENTER_MAGIC, kind: C.NSENTER_BOOTED, stage: C.NSENTER_STAGE_PAYLOAD}
	return bytes.Clone(unsafe.Slice((*byte)(unsafe.Pointer(&raw)), replySize))
}
