//go:build linux && cgo

package nsenter

import (
	"errors"
	"os"
	"slices"

	"nsexec/ns"
)

// order puts the user namespace first, so that the others can be joined with
// the capabilities that it gives; except that a namespace owned from outside of
// it has to be joined with those that the caller has before. Where such an
// owner lies on the way down to the user namespace, it is entered in passing.
func (p *plan) order() error {
	at := slices.IndexFunc(p.joins, func(j join) bool { return j.typ == ns.User })
	if at < 0 {
		return nil
	}
	way, err := p.wayDown(p.joins[at])
	if err != nil {
		return err
	}
	owned := make([][]join, len(way))
	var before []join
	for _, j := range slices.Delete(slices.Clone(p.joins), at, at+1) {
		i, err := ownerOnWay(j, way)
		switch {
		case err != nil:
			return callerError("find owner of "+j.typ.Name()+" namespace", "", err)
		case i < 0:
			before = append(before, j)
		default:
			owned[i] = append(owned[i], j)
		}
	}
	p.joins = before
	for i, user := range way {
		if last := i == len(way)-1; last || len(owned[i]) > 0 {
			p.joins = append(append(p.joins, user), owned[i]...)
		}
	}
	return nil
}

// wayDown is the user namespaces from the one below the caller's to the one to
// be joined, which comes last.
func (p *plan) wayDown(user join) ([]join, error) {
	own, err := currentID(ns.User)
	if err != nil {
		return nil, callerError("find own user namespace", "", err)
	}
	way := []join{user}
	for {
		parent, err := way[0].handle.Parent()
		if errors.Is(err, os.ErrPermission) {
			return way, nil // not below the caller's: the kernel will refuse it
		}
		if err != nil {
			return nil, callerError("find parent of user namespace", "", err)
		}
		p.opened = append(p.opened, parent)
		if parent.ID() == own {
			return way, nil
		}
		step := join{typ: ns.User, inode: parent.ID().Ino, handle: parent, fd: -1}
		way = append([]join{step}, way...)
	}
}

// ownerOnWay is which user namespace on the way gives the capabilities to join
// j: its owner, or the last one if the owner lies below that; -1: none does.
func ownerOnWay(j join, way []join) (int, error) {
	owner, err := j.handle.Owner()
	if err != nil {
		return 0, err
	}
	for {
		for i, user := range way {
			if user.inode == owner.ID().Ino {
				owner.Close()
				return i, nil
			}
		}
		parent, err := owner.Parent()
		owner.Close()
		if errors.Is(err, os.ErrPermission) {
			return -1, nil
		}
		if err != nil {
			return 0, err
		}
		owner = parent
	}
}
