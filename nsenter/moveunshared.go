//go:build linux && cgo

package nsenter

import (
	"errors"
	"fmt"
	"os"

	"golang.org/x/sys/unix"

	"nsexec/ns"
)

// errTaken ends a Start that has served.
var errTaken = errors.New("the namespaces have been taken")

func reexecUnshared(types ns.Type, files []*os.File) error {
	if is, err := settled(nil); is {
		return err
	}
	if types&ns.PID != 0 {
		return &Error{Op: "create", Type: ns.PID, Errno: unix.EINVAL,
			Hint: "a process cannot change its own pid namespace, only a child is born in a new one: use Cmd.Unshare"}
	}
	if unknown := types &^ ns.All; unknown != 0 {
		return callerError("create namespaces", unknown.String(), unix.EINVAL)
	}
	if err := checkNamed(files); err != nil {
		return err
	}
	set, err := newUserNamespace(types & ns.Time)
	if err != nil {
		return err
	}
	defer set.Close()
	cmd := &Cmd{set: set, Unshare: types &^ (ns.User | ns.Time)}
	return (&move{cmd: cmd, files: files, fresh: true}).run()
}

// newUserNamespace is one with the caller's subordinate ids, which nobody is in,
// and perhaps a time namespace of its own. A stage 0 makes it, as it does for a
// payload, and ends when it has been mapped.
func newUserNamespace(more ns.Type) (set *ns.Set, err error) {
	c := Command(nil, "none")
	c.Unshare = ns.User | more
	if err := c.mapSubordinates(); err != nil {
		return nil, err
	}
	c.mapped = func(owner int) error {
		if set, err = setOfOwner(owner, more); err != nil {
			return callerError("open new user namespace", "", err)
		}
		return errTaken
	}
	if err := c.Start(); !errors.Is(err, errTaken) {
		return nil, err
	}
	return set, nil
}

// mapSubordinates is unlike MapRoot and MapAuto in that no id of the range is lost.
func (c *Cmd) mapSubordinates() error {
	uids, err := SubordinateUIDs()
	if err != nil {
		return err
	}
	gids, err := SubordinateGIDs()
	if err != nil {
		return err
	}
	uids.ContainerID, gids.ContainerID = 1, 1
	c.New.UIDMappings = []IDMap{oneID(0, os.Geteuid()), uids}
	c.New.GIDMappings = []IDMap{oneID(0, os.Getegid()), gids}
	return nil
}

// setOfOwner takes the namespaces of the process that has been born in them. The time namespace
// is the one that its children would be in.
func setOfOwner(owner int, more ns.Type) (*ns.Set, error) {
	user, err := ns.OpenPID(owner, ns.User)
	if err != nil {
		return nil, err
	}
	defer user.Close()
	if more == 0 {
		return ns.NewSet(user)
	}
	clocks, err := ns.Open(fmt.Sprintf("/proc/%d/ns/time_for_children", owner))
	if err != nil {
		return nil, err
	}
	defer clocks.Close()
	return ns.NewSet(user, clocks)
}

// writeMapsDirectly does what newuidmap and newgidmap do, for a caller who may.
func (l *launch) writeMapsDirectly(pid int) error {
	for name, maps := range map[string][]IDMap{"uid": l.cmd.New.UIDMappings, "gid": l.cmd.New.GIDMappings} {
		path := fmt.Sprintf("/proc/%d/%s_map", pid, name)
		if err := os.WriteFile(path, []byte(mapText(maps)), 0); err != nil {
			return callerError("write "+name+" map", "", err)
		}
	}
	return nil
}
