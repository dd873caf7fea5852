//go:build linux && cgo

package nsenter

import (
	"errors"
	"slices"

	"golang.org/x/sys/unix"

	"nsexec/ns"
)

// joinMode says which way of joining is taken; tests force each.
type joinMode int

const (
	joinAuto      joinMode = iota
	joinByProcess          // one setns on the target's pidfd
	joinByHandles          // one setns a namespace
)

// plan is how namespaces will be joined. Nothing is tried out: what happens can
// be told beforehand.
type plan struct {
	byProcess bool // all by one setns on the target's pidfd, which the kernel orders
	joins     []join
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

// forks reports whether joining takes a clone: setns moves only the children
// of the caller into a pid namespace.
func (p *plan) forks() bool { return p.types()&ns.PID != 0 }

// exposes reports whether something in the target could see the stages, or
// have its files executed by them.
func (p *plan) exposes() bool { return p.types()&(ns.PID|ns.Mount|ns.User) != 0 }

// makePlan leaves out the namespaces that the calling thread is in already:
// the kernel would refuse its own user namespace, and the others cost time.
func makePlan(set *ns.Set, mode joinMode) (plan, error) {
	var p plan
	if set == nil {
		return p, nil
	}
	for _, t := range set.Types().Types() {
		h := set.Handle(t)
		own, err := currentID(t)
		if err != nil {
			return p, callerError("find own "+t.Name()+" namespace", "", err)
		}
		if h.ID() != own {
			p.joins = append(p.joins, join{typ: t, inode: h.ID().Ino, handle: h, fd: -1})
		}
	}
	if err := p.check(); err != nil {
		return p, err
	}
	p.byProcess = mode == joinByProcess || mode == joinAuto && hasProcess(set)
	if p.byProcess {
		return p, nil
	}
	return p.order()
}

func hasProcess(set *ns.Set) bool {
	return set.Process(func(int, uintptr) {}) == nil
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
	owner, err := j.handle.Owner()
	if err == nil {
		return owner.Close()
	}
	if errors.Is(err, unix.EPERM) {
		return &Error{Op: "join", Type: j.typ, Errno: unix.EPERM,
			Hint: "it is owned by a user namespace that is neither the caller's nor below it"}
	}
	return callerError("find owner of "+j.typ.Name()+" namespace", "", err)
}

// checkDescendant: NS_GET_PARENT is EPERM where the way up does not lead to the
// caller's pid namespace, and one cannot leave one's own.
func checkDescendant(j join) error {
	parent, err := j.handle.Parent()
	if err == nil {
		return parent.Close()
	}
	if errors.Is(err, unix.EPERM) {
		return &Error{Op: "join", Type: ns.PID, Errno: unix.EINVAL,
			Hint: "it is not a descendant of the caller's pid namespace"}
	}
	return callerError("find parent of pid namespace", "", err)
}

// order puts the user namespace first, so that the others can be joined with
// the capabilities it gives; except that a namespace owned from outside it has
// to be joined with those that the caller has before. Where such an owner lies
// on the way down to the user namespace, it is entered in passing.
func (p plan) order() (plan, error) {
	at := slices.IndexFunc(p.joins, func(j join) bool { return j.typ == ns.User })
	if at < 0 {
		return p, nil
	}
	user := p.joins[at]
	rest := slices.Delete(slices.Clone(p.joins), at, at+1)

	chain, err := ancestors(user.handle)
	if err != nil {
		return p, err
	}
	var before, within []join
	var after []join
	passing := make([][]join, len(chain))
	for _, j := range rest {
		level, err := ownerLevel(j.handle, user.handle, chain)
		switch {
		case err != nil:
			return p, err
		case level == levelBelow:
			after = append(after, j)
		case level == levelOutside:
			before = append(before, j)
		default:
			passing[level] = append(passing[level], j)
		}
	}
	for i, owned := range passing {
		if len(owned) > 0 {
			within = append(within, join{typ: ns.User, inode: chain[i].ID().Ino, handle: chain[i], fd: -1})
			within = append(within, owned...)
		}
	}
	p.joins = slices.Concat(before, within, []join{user}, after)
	return p, nil
}
