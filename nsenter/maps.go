package nsenter

import (
	"math"
	"os"
	"slices"

	"nsexec/ns"
)

// MapRoot makes the caller root of a new user namespace, and the only user in it.
func (c *Cmd) MapRoot() {
	c.MapUser(0)
	c.MapGroup(0)
}

// MapCurrentUser makes the caller itself in a new user namespace, and the only user in it.
func (c *Cmd) MapCurrentUser() {
	uid, gid := c.ownIDs()
	c.MapUser(uid)
	c.MapGroup(gid)
}

// MapUser makes the caller's effective user id that one in a new user namespace.
func (c *Cmd) MapUser(uid int) {
	own, _ := c.ownIDs()
	c.Unshare |= ns.User
	c.New.UIDMappings = append(c.New.UIDMappings, oneID(uid, own))
}

// MapGroup makes the caller's effective group id that one in a new user
// namespace, and denies setgroups(2) there.
func (c *Cmd) MapGroup(gid int) {
	_, own := c.ownIDs()
	c.Unshare |= ns.User
	c.New.GIDMappings = append(c.New.GIDMappings, oneID(gid, own))
	c.New.DenySetgroups = true
}

// ownIDs are who creates the user namespace: the caller, or the root of the one
// that is joined before.
func (c *Cmd) ownIDs() (uid, gid int) {
	if c.joinsOtherUser() {
		return 0, 0
	}
	return os.Geteuid(), os.Getegid()
}

// joinsOtherUser reports whether the set has a user namespace that is not the caller's own.
func (c *Cmd) joinsOtherUser() bool {
	if !c.joins(ns.User) {
		return false
	}
	own, err := ns.Current(ns.User)
	if err != nil {
		return true
	}
	defer own.Close()
	return !c.set.Handle(ns.User).Equal(own)
}

func oneID(inside, outside int) IDMap {
	return IDMap{ContainerID: inside, HostID: outside, Size: 1}
}

// MapRanges maps ranges of ids in a new user namespace, around those that are
// mapped already: beside MapRoot or MapCurrentUser there are many users then.
// Where an id is taken, inside or outside, the rest of a range moves down, so
// that it is the highest ids that are lost. Groups allow setgroups(2) again.
func (c *Cmd) MapRanges(uids, gids []IDMap) {
	c.Unshare |= ns.User
	c.New.UIDMappings = append(c.New.UIDMappings, aroundEach(c.New.UIDMappings, uids)...)
	c.New.GIDMappings = append(c.New.GIDMappings, aroundEach(c.New.GIDMappings, gids)...)
	if len(gids) > 0 {
		c.New.DenySetgroups = false
	}
}

// MapAuto is MapRanges of ids from 0 on to the caller's first range of
// subordinate ids, as unshare(1) has it with --map-auto.
func (c *Cmd) MapAuto() error {
	uids, err := SubordinateUIDs()
	if err != nil {
		return err
	}
	gids, err := SubordinateGIDs()
	if err != nil {
		return err
	}
	c.MapRanges([]IDMap{uids}, []IDMap{gids})
	return nil
}

// SubordinateUIDs is the caller's first range in /etc/subuid, for ids from 0 on inside.
func SubordinateUIDs() (IDMap, error) {
	return subordinateIDs(subuidFile)
}

// SubordinateGIDs is the caller's first range in /etc/subgid, for ids from 0 on inside.
func SubordinateGIDs() (IDMap, error) {
	return subordinateIDs(subgidFile)
}

// ParentIDs are all ids that there are in the user namespace in which a new one
// would be created, each to be the same inside: the caller's, or the joined one.
func (c *Cmd) ParentIDs() (uids, gids []IDMap, err error) {
	if uids, err = c.parentIDs("uid_map"); err != nil {
		return nil, nil, err
	}
	gids, err = c.parentIDs("gid_map")
	return uids, gids, err
}

func aroundEach(taken, ranges []IDMap) (lines []IDMap) {
	for _, r := range ranges {
		lines = append(lines, around(taken, r)...)
	}
	return lines
}

// around cuts a range where ids are taken.
func around(taken []IDMap, r IDMap) (lines []IDMap) {
	inside, outside := r.ContainerID, r.HostID
	for {
		var freeInside, freeOutside int
		inside, freeInside = nextFree(inside, taken, func(m IDMap) int { return m.ContainerID })
		outside, freeOutside = nextFree(outside, taken, func(m IDMap) int { return m.HostID })
		n := min(freeInside, freeOutside, r.ContainerID+r.Size-inside, r.HostID+r.Size-outside)
		if n <= 0 {
			return lines
		}
		lines = append(lines, IDMap{ContainerID: inside, HostID: outside, Size: n})
		inside, outside = inside+n, outside+n
	}
}

// nextFree is the first id from id on that is not taken, and how many follow until one is.
func nextFree(id int, taken []IDMap, start func(IDMap) int) (free, count int) {
	byStart := func(a, b IDMap) int { return start(a) - start(b) }
	for _, m := range slices.SortedFunc(slices.Values(taken), byStart) {
		if id < start(m) {
			return id, start(m) - id
		}
		id = max(id, start(m)+m.Size)
	}
	return id, math.MaxInt
}
