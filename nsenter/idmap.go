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

// checkMappings refuses what the kernel would refuse, and says which line.
func checkMappings(what string, maps []IDMap) error {
	if len(maps) > maxMappings {
		return &Error{Op: "write " + what, Errno: errnoInvalid,
			Hint: fmt.Sprintf("%d lines, of which the kernel takes %d", len(maps), maxMappings)}
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
	c.addUserNamespace(oneID(uid, ownUID), oneID(gid, ownGID))
	c.New.DenySetgroups = true
}

// ownIDs are who creates the user namespace: the caller, or the root of the one
// that is joined before.
func (c *Cmd) ownIDs() (uid, gid int) {
	if c.joins(ns.User) {
		return 0, 0
	}
	return os.Geteuid(), os.Getegid()
}

func oneID(inside, outside int) IDMap {
	return IDMap{ContainerID: inside, HostID: outside, Size: 1}
}

// MapAuto maps the caller's first range of subordinate ids, from /etc/subuid and
// /etc/subgid, to ids from 0 on, as unshare(1)'s --map-auto does; beside
// MapRoot, from 1 on, so that there are many users.
func (c *Cmd) MapAuto() error {
	uids, gids, err := subordinateIDs()
	if err != nil {
		return err
	}
	if slices.ContainsFunc(c.New.UIDMappings, func(m IDMap) bool { return m.ContainerID == 0 }) {
		uids.ContainerID, gids.ContainerID = 1, 1
	}
	c.addUserNamespace(uids, gids)
	c.New.DenySetgroups = false
	return nil
}

func (c *Cmd) addUserNamespace(uid, gid IDMap) {
	c.Unshare |= ns.User
	c.New.UIDMappings = append(c.New.UIDMappings, uid)
	c.New.GIDMappings = append(c.New.GIDMappings, gid)
}
