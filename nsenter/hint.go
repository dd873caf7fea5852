//go:build linux && cgo

package nsenter

import (
	"errors"
	"os"
	"slices"
	"strings"

	"golang.org/x/sys/unix"

	"nsexec/ns"
)

// scene is what an error has happened in: what a hint is made from.
type scene struct {
	joins  []join
	create ns.Type // the new namespaces that there were to be
	pid    int     // of a process whose cgroups the stages are born in
}

func (l *launch) scene() *scene {
	at := &scene{joins: l.plan.joins, create: l.cmd.Unshare, pid: os.Getpid()}
	if l.plan.birth != nil {
		at.joins = append(slices.Clone(at.joins), join{typ: ns.PID, handle: l.plan.birth})
	}
	if l.launcher != nil {
		at.pid = l.launcher.pid
	}
	return at
}

func (m *move) scene() *scene {
	return &scene{joins: m.plan.joins, create: m.cmd.Unshare, pid: os.Getpid()}
}

// sceneOf is for a move to a set of which the last image had the plan.
func sceneOf(set *ns.Set) *scene {
	at := &scene{pid: os.Getpid()}
	if set == nil {
		return at
	}
	for _, t := range set.Types().Types() {
		at.joins = append(at.joins, join{typ: t, handle: set.Handle(t)})
	}
	return at
}

// explain adds a hint where an errno misleads.
func explain(err error, at *scene) error {
	var e *Error
	if !errors.As(err, &e) {
		return err
	}
	if e.Hint == "" {
		e.Hint = at.hint(e)
	}
	e.Hint = withModule(e.Hint, moduleHint(e))
	return err
}

// hint asks one theme after the other.
func (at *scene) hint(e *Error) string {
	for _, hint := range []func(*Error) string{
		at.restrictionHint, at.joinHint, at.creationHint, at.limitHint, identityHint, programHint, callHint,
	} {
		if text := hint(e); text != "" {
			return text
		}
	}
	return ""
}

// identityHint is about who the payload is to be, and which ids there are.
func identityHint(e *Error) string {
	switch {
	case e.Op == "set uid" && e.Errno == unix.EINVAL, e.Op == "set gid" && e.Errno == unix.EINVAL:
		return "the id is not mapped in the user namespace"
	case e.Op == "set groups" && e.Errno == unix.EPERM:
		return "the user namespace denies setgroups(2), or has no gid mapped, or the caller has no CAP_SETGID"
	case strings.HasPrefix(e.Op, "write ") && strings.HasSuffix(e.Op, " map") && e.Errno == unix.EPERM:
		return "an id that the user namespace above does not have, or that may not be mapped"
	case e.Op == "become owner of" && e.Errno == unix.EPERM:
		return "another owner takes CAP_SETUID, CAP_SETGID, and setgroups(2), in the user namespace above"
	case e.Op == "become owner of" && e.Errno == unix.EINVAL:
		return "the owner is not mapped in the user namespace above"
	}
	return ""
}

// programHint is about the program, and what it starts with.
func programHint(e *Error) string {
	switch {
	case e.Op == "exec" && e.Errno == unix.EACCES:
		return "it is a directory, or not executable for this user, or its interpreter is"
	case e.Op == "exec" && e.Errno == unix.ENOEXEC:
		return "neither a program of this machine's, nor a script that begins with #!"
	case e.Op == "exec" && e.Errno == unix.ETXTBSY:
		return "somebody has it open for writing"
	case e.Errno == unix.EMFILE && e.Stage == StageCaller:
		return "the caller has as many files open as its soft limit (RLIMIT_NOFILE) allows"
	case e.Op == "place file" && e.Errno == unix.EBADF, e.Errno == unix.EMFILE:
		return "the hard limit of open files (RLIMIT_NOFILE) is too low"
	case e.Op == "set host name" && e.Errno == unix.EINVAL, e.Op == "set domain name" && e.Errno == unix.EINVAL:
		return "it is longer than 64 bytes"
	}
	return ""
}
