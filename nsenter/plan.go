//go:build linux && cgo

package nsenter

import (
	"errors"
	"fmt"
	"slices"

	"golang.org/x/sys/unix"

	"nsexec/ns"
)

// plan is how namespaces will be joined. Nothing is tried out: what happens can
// be told beforehand.
type plan struct {
	byProcess bool // all by one setns on the target's pidfd, which the kernel orders: for a user namespace
	joins     []join
	birth     *ns.Handle   // the pid namespace that stage 0 is born in, by a launcher
	create    ns.Type      // on top of what is joined
	opened    []*ns.Handle // for the plan alone
}

func (p *plan) close() {
	for _, h := range p.opened {
		h.Close()
	}
}

// join is one namespace that the caller is not in yet.
type join struct {
	typ    ns.Type
	inode  uint64
	handle *ns.Handle
	fd     int // index among the request's fds; -1: by the pidfd
}

// types are all that the plan joins.
func (p *plan) types() ns.Type {
	var all ns.Type
	for _, j := range p.joins {
		all |= j.typ
	}
	return all
}

// clones is how many the payload takes: setns and unshare move only children
// into a pid namespace, and one that is created below one that is joined has
// to be created from inside that.
func (p *plan) clones() int {
	n := 0
	for _, types := range []ns.Type{p.types(), p.create} {
		if types&ns.PID != 0 {
			n++
		}
	}
	return n
}

// forks reports whether the payload is another process than stage 0.
func (p *plan) forks() bool { return p.clones() > 0 }

// exposes reports whether something in the target could see the stages, have its
// files executed by them, or have the capabilities of their user namespace.
func (p *plan) exposes() bool { return p.types()&(ns.PID|ns.Mount|ns.User) != 0 }

// bearInside saves a clone: whoever is born in a pid namespace need not join it.
// Not where the capabilities for that come with a user namespace, nor where
// stage 0 is to tell the caller pids.
func (p *plan) bearInside() {
	if p.types()&ns.User != 0 || p.create&(ns.User|ns.Time|ns.PID) != 0 {
		return
	}
	p.joins = slices.DeleteFunc(p.joins, func(j join) bool {
		if j.typ == ns.PID {
			p.birth = j.handle
		}
		return j.typ == ns.PID
	})
}

// isUnknownJoin tells that a kernel before 5.8, or a filter, does not know a setns of several namespaces on a pidfd:
// they could all have been joined, or none has been. EPERM is how the kernel itself refuses.
func isUnknownJoin(err error) bool {
	var e *Error
	return errors.As(err, &e) && e.Stage == Stage0 && e.Op == "join" && (e.Errno == unix.ENOSYS || e.Errno == unix.EINVAL)
}

// makePlan leaves out the namespaces that stage 0 would be in already, by own:
// the kernel would refuse its own user namespace, and the others cost time.
func makePlan(set *ns.Set, mode joinMode, own func(ns.Type) (ns.ID, error)) (plan, error) {
	var p plan
	if set == nil {
		return p, nil
	}
	for _, t := range set.Types().Types() {
		h := set.Handle(t)
		if err := h.Control(func(uintptr) {}); err != nil {
			return p, callerError("use "+t.Name()+" namespace", "", err)
		}
		id, err := own(t)
		if err != nil {
			return p, callerError("find own "+t.Name()+" namespace", "", err)
		}
		if h.ID() != id {
			p.joins = append(p.joins, join{typ: t, inode: h.ID().Ino, handle: h, fd: -1})
		}
	}
	if err := p.check(); err != nil {
		return p, err
	}
	p.byProcess = mode == joinByProcess || mode == joinAuto && p.types()&ns.User != 0 && hasProcess(set)
	if !p.byProcess {
		err := p.order()
		return p, err
	}
	return p, nil
}

// currentID is the namespace that a child of the calling thread would be in.
func currentID(t ns.Type) (ns.ID, error) {
	name := t.Name()
	if t == ns.PID || t == ns.Time {
		name += "_for_children"
	}
	var st unix.Stat_t
	if err := unix.Stat("/proc/thread-self/ns/"+name, &st); err != nil {
		return ns.ID{}, err
	}
	return ns.ID{Dev: uint64(st.Dev), Ino: st.Ino}, nil
}

// hasProcess: the handles on the namespaces of a process outlive it, and the right to read its memory, without which a
// setns on its pidfd is EPERM.
func hasProcess(set *ns.Set) bool {
	usable := false
	err := set.Process(func(pid int, pidfd uintptr) { usable = isAlive(int(pidfd)) && isReadable(pid) })
	return err == nil && usable
}

// isReadable: procfs wants the same right for the link of a namespace (PTRACE_MODE_READ). Whoever has opened that may have
// lost it since: by prctl(2)'s PR_SET_DUMPABLE, other ids, or capabilities that have been dropped.
func isReadable(pid int) bool {
	if pid <= 0 {
		return true // which procfs does not show: nobody can tell
	}
	var link [64]byte
	_, err := unix.Readlink(fmt.Sprintf("/proc/%d/ns/user", pid), link[:])
	return err == nil
}

// check refuses what the kernel cannot but refuse, before anything is started.
func (p *plan) check() error {
	for _, j := range p.joins {
		if err := checkOwner(j); err != nil {
			return err
		}
		if j.typ == ns.PID {
			if err := checkDescendant(j); err != nil {
				return err
			}
		}
	}
	return nil
}

// checkOwner: NS_GET_USERNS is EPERM where the owner is neither the caller's
// user namespace nor below it; no capability of ours reaches there.
func checkOwner(j join) error {
	if j.typ == ns.User {
		return nil
	}
	_, err := j.handle.OwnerID()
	if err == nil {
		return nil
	}
	if errors.Is(err, unix.EPERM) {
		return &Error{Op: "join", Type: j.typ, Errno: unix.EPERM, Hint: outOfReach(j)}
	}
	return callerError("find owner of "+j.typ.Name()+" namespace", "", err)
}

// checkDescendant: NS_GET_PARENT is EPERM where the way up does not lead to the
// caller's pid namespace, and one cannot leave one's own.
func checkDescendant(j join) error {
	_, err := j.handle.ParentID()
	if err == nil {
		return nil
	}
	if errors.Is(err, unix.EPERM) {
		return &Error{Op: "join", Type: ns.PID, Errno: unix.EINVAL,
			Hint: fmt.Sprintf("%v is not a descendant of the caller's pid namespace%s", j.handle, named(ns.PID))}
	}
	return callerError("find parent of pid namespace", "", err)
}
