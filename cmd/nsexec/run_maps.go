//go:build linux && cgo

package main

import (
	"errors"
	"fmt"
	"math"
	"os"
	"os/user"
	"strconv"
	"strings"

	"github.com/spf13/pflag"

	"nsexec/nsenter"
)

// mapFlags are the ids of a new user namespace.
type mapFlags struct {
	user, group   int // the caller's own id inside, noID or currentID
	users, groups idRanges
}

const (
	noID      = nsenter.Unchanged
	currentID = noID - 1 // what it is outside
)

// add defines the flags. Of several that say who the caller is inside, the last one counts, as with unshare(1).
func (m *mapFlags) add(flags *pflag.FlagSet) {
	m.user, m.group = noID, noID
	flags.BoolFuncP("map-root-user", "r", "", func(string) error { m.user, m.group = 0, 0; return nil })
	flags.BoolFuncP("map-current-user", "c", "", func(string) error { m.user, m.group = currentID, currentID; return nil })
	flags.Func("map-user", "", func(s string) (err error) { m.user, err = userID(s); return err })
	flags.Func("map-group", "", func(s string) (err error) { m.group, err = groupID(s); return err })
	flags.Var(&m.users, "map-users", "")
	flags.Var(&m.groups, "map-groups", "")
	for _, word := range []string{"auto", "subids"} {
		flags.BoolFunc("map-"+word, "", func(string) error { return errors.Join(m.users.Set(word), m.groups.Set(word)) })
	}
}

func (m *mapFlags) given() bool {
	return m.user != noID || m.group != noID || len(m.users) > 0 || len(m.groups) > 0
}

// ids are who the caller is inside. Whoever joins a user namespace is its root first.
func (m *mapFlags) ids(joins bool) (uid, gid int) {
	ownUID, ownGID := os.Geteuid(), os.Getegid()
	if joins {
		ownUID, ownGID = 0, 0
	}
	uid, gid = m.user, m.group
	if uid == currentID {
		uid = ownUID
	}
	if gid == currentID {
		gid = ownGID
	}
	return uid, gid
}

// apply maps the caller first: ranges go around what is taken.
func (m *mapFlags) apply(cmd *nsenter.Cmd, joins bool) error {
	uid, gid := m.ids(joins)
	if uid != noID {
		cmd.MapUser(uid)
	}
	if gid != noID {
		cmd.MapGroup(gid)
	}
	if len(m.users)+len(m.groups) == 0 {
		return nil
	}
	allUIDs, allGIDs, err := cmd.ParentIDs()
	if err != nil {
		return err
	}
	users, err := m.users.resolve(nsenter.SubordinateUIDs, allUIDs)
	if err != nil {
		return err
	}
	groups, err := m.groups.resolve(nsenter.SubordinateGIDs, allGIDs)
	if err != nil {
		return err
	}
	cmd.MapRanges(users, groups)
	return nil
}

// idRanges are ranges of ids: INNER:OUTER:COUNT, or OUTER,INNER,COUNT as unshare(1) had it before 2.39, or a word.
type idRanges []idRange

type idRange struct {
	word string // auto, subids, all, or "" for the numbers
	ids  nsenter.IDMap
}

// Set adds a range.
func (r *idRanges) Set(s string) error {
	switch s {
	case "auto", "subids", "all":
		*r = append(*r, idRange{word: s})
		return nil
	}
	ids, err := parseRange(s)
	if err == nil {
		*r = append(*r, idRange{ids: ids})
	}
	return err
}

func (r *idRanges) String() string { return "" }

// Type makes it a pflag.Value, with Set and String.
func (r *idRanges) Type() string { return "range" }

// resolve finds out what the words mean.
func (r *idRanges) resolve(subordinate func() (nsenter.IDMap, error), all []nsenter.IDMap) (maps []nsenter.IDMap, err error) {
	for _, one := range *r {
		ids := one.ids
		switch one.word {
		case "all":
			maps = append(maps, all...)
			continue
		case "auto", "subids":
			if ids, err = subordinate(); err != nil {
				return nil, err
			}
		}
		if one.word == "subids" {
			ids.ContainerID = ids.HostID
		}
		maps = append(maps, ids)
	}
	return maps, nil
}

func parseRange(s string) (nsenter.IDMap, error) {
	separator := ":"
	if strings.Contains(s, ",") {
		separator = ","
	}
	fields := strings.Split(s, separator)
	var ids [3]int
	if len(fields) != len(ids) {
		return nsenter.IDMap{}, errors.New("want INNER:OUTER:COUNT, OUTER,INNER,COUNT, auto, subids or all")
	}
	for i, field := range fields {
		n, err := strconv.ParseUint(field, 10, 32)
		if err != nil || n > math.MaxInt {
			return nsenter.IDMap{}, fmt.Errorf("%q is not a number of ids", field)
		}
		ids[i] = int(n)
	}
	if separator == "," {
		ids[0], ids[1] = ids[1], ids[0]
	}
	return nsenter.IDMap{ContainerID: ids[0], HostID: ids[1], Size: ids[2]}, nil
}

// userID is a number, or that of a user by name.
func userID(s string) (int, error) {
	if u, err := user.Lookup(s); err == nil {
		s = u.Uid
	}
	return parseID(s)
}

// groupID is a number, or that of a group by name.
func groupID(s string) (int, error) {
	if g, err := user.LookupGroup(s); err == nil {
		s = g.Gid
	}
	return parseID(s)
}

func parseID(s string) (int, error) {
	var number id
	if err := number.Set(s); err != nil {
		return noID, fmt.Errorf("%w, and no name that is known here", err)
	}
	return int(number), nil
}
