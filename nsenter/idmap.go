package nsenter

import (
	"fmt"
	"os"
	"slices"
	"strings"

	"nsexec/ns"
)

// maxMappings is the kernel's UID_GID_MAP_MAX_EXTENTS.
const maxMappings = 340

// checkMappings refuses what the kernel would refuse, and says which line. The text
// has to be shorter than a page: 340 lines of large ids are too long for that.
func checkMappings(what string, maps []IDMap) error {
	if len(maps) > maxMappings {
		return &Error{Op: "write " + what, Errno: errnoInvalid,
			Hint: fmt.Sprintf("%d lines, of which the kernel takes %d", len(maps), maxMappings)}
	}
	if size := len(mapText(maps)); size >= os.Getpagesize() {
		return &Error{Op: "write " + what, Errno: errnoInvalid,
			Hint: fmt.Sprintf("%d bytes of lines, of which the kernel takes less than a page: %d", size, os.Getpagesize())}
	}
	for i, m := range maps {
		if err := checkMapping(m, maps[:i]); err != nil {
			return &Error{Op: "write " + what, Path: mapLine(m), Errno: errnoInvalid,
				Hint: fmt.Sprintf("line %d: %v", i+1, err)}
		}
	}
	return nil
}

func checkMapping(m IDMap, before []IDMap) error {
	if m.Size < 1 || m.ContainerID < 0 || m.HostID < 0 {
		return fmt.Errorf("a range that is empty or negative")
	}
	if int64(m.ContainerID)+int64(m.Size)-1 > maxID || int64(m.HostID)+int64(m.Size)-1 > maxID {
		return fmt.Errorf("a range that ends above the largest id")
	}
	for i, other := range before {
		if overlap(m.ContainerID, other.ContainerID, m.Size, other.Size) || overlap(m.HostID, other.HostID, m.Size, other.Size) {
			return fmt.Errorf("it overlaps with line %d", i+1)
		}
	}
	return nil
}

func overlap(a, b, sizeA, sizeB int) bool {
	return a < b+sizeB && b < a+sizeA
}

// mapLine is a line of uid_map: inside, outside, how many.
func mapLine(m IDMap) string {
	return fmt.Sprintf("%d %d %d", m.ContainerID, m.HostID, m.Size)
}

// mapText is what is written to uid_map.
func mapText(maps []IDMap) string {
	var b strings.Builder
	for _, m := range maps {
		b.WriteString(mapLine(m) + "\n")
	}
	return b.String()
}

// MapRoot makes the caller root of a new user namespace, and the only user in it.
func (c *Cmd) MapRoot() { c.mapCurrent(0, 0) }

// MapCurrentUser makes the caller itself in a new user namespace, and the only user in it.
func (c *Cmd) MapCurrentUser() { c.mapCurrent(c.ownIDs()) }

func (c *Cmd) mapCurrent(uid, gid int) {
	ownUID, ownGID := c.ownIDs()
	c.Unshare |= ns.User
	c.New.UIDMappings = append(c.New.UIDMappings, oneID(uid, ownUID))
	c.New.GIDMappings = append(c.New.GIDMappings, oneID(gid, ownGID))
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

// MapAuto maps ids from 0 on to the caller's first range of subordinate ids in
// /etc/subuid and /etc/subgid, around those that are mapped already: beside
// MapRoot or MapCurrentUser there are many users then. As with unshare(1)'s
// --map-auto, that costs the highest ids.
func (c *Cmd) MapAuto() error {
	uids, gids, err := subordinateIDs()
	if err != nil {
		return err
	}
	c.Unshare |= ns.User
	c.New.UIDMappings = append(c.New.UIDMappings, around(c.New.UIDMappings, uids)...)
	c.New.GIDMappings = append(c.New.GIDMappings, around(c.New.GIDMappings, gids)...)
	c.New.DenySetgroups = false
	return nil
}

// around cuts a range that is mapped from 0 on where ids inside are taken.
func around(taken []IDMap, ids IDMap) []IDMap {
	var lines []IDMap
	inside, outside := 0, ids.HostID
	add := func(end int) {
		if n := min(end, ids.Size) - inside; n > 0 {
			lines = append(lines, IDMap{ContainerID: inside, HostID: outside, Size: n})
			outside += n
		}
	}
	byInside := func(a, b IDMap) int { return a.ContainerID - b.ContainerID }
	for _, m := range slices.SortedFunc(slices.Values(taken), byInside) {
		add(m.ContainerID)
		inside = max(inside, m.ContainerID+m.Size)
	}
	add(ids.Size)
	return lines
}
