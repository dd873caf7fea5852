//go:build linux && cgo

package nsenter

import (
	"errors"
	"fmt"
	"path/filepath"
	"strconv"

	"golang.org/x/sys/unix"

	"nsexec/ns"
)

// checkNew refuses what is asked of namespaces that are not created, and maps
// that cannot be.
func (c *Cmd) checkNew() error {
	if unknown := c.Unshare &^ ns.All; unknown != 0 {
		return callerError("create namespaces", unknown.String(), unix.EINVAL)
	}
	for _, wish := range []struct {
		name string
		set  bool
		of   ns.Type
	}{
		{"UIDMappings", len(c.New.UIDMappings) > 0, ns.User},
		{"GIDMappings", len(c.New.GIDMappings) > 0, ns.User},
		{"DenySetgroups", c.New.DenySetgroups, ns.User},
		{"Owner", c.New.Owner != nil, ns.User},
		{"KeepCapabilities", c.New.KeepCapabilities, ns.User},
		{"Monotonic or Boottime", c.New.Monotonic != 0 || c.New.Boottime != 0, ns.Time},
		{"Propagation", c.New.Propagation != Private, ns.Mount},
		{"MountProc", c.New.MountProc, ns.Mount},
		{"PivotRoot", c.New.PivotRoot, ns.Mount},
		{"Hostname or Domainname", c.New.Hostname != "" || c.New.Domainname != "", ns.UTS},
		{"LoopbackUp", c.New.LoopbackUp, ns.Net},
		{"Init", c.Init, ns.PID},
	} {
		if wish.set && c.Unshare&wish.of == 0 {
			return callerError("set "+wish.name, "", fmt.Errorf("no new %s namespace is asked for", wish.of.Name()))
		}
	}
	if err := c.checkMounts(); err != nil {
		return err
	}
	if err := c.checkOwner(); err != nil {
		return err
	}
	if err := c.checkKillSignal(); err != nil {
		return err
	}
	if c.New.DenySetgroups && c.Credential != nil && len(c.Credential.Groups) > 0 {
		return callerError("set DenySetgroups", "", errors.New("it denies the Groups of Credential too"))
	}
	return c.checkMaps()
}

// checkMounts refuses what a new mount namespace cannot have. Its mounts are
// copies: a directory that is open lies in those that they were copied from.
func (c *Cmd) checkMounts() error {
	switch {
	case c.New.Propagation < Private || c.New.Propagation > UnchangedPropagation:
		return callerError("set Propagation", strconv.Itoa(int(c.New.Propagation)), unix.EINVAL)
	case c.WorkDir != nil && c.Unshare&ns.Mount != 0:
		return &Error{Op: "set WorkDir", Path: c.WorkDir.Name(), Errno: unix.EINVAL,
			Hint: "it lies outside of the new mount namespace: use Dir instead"}
	case c.New.ProcDir != "" && !c.New.MountProc:
		return callerError("set ProcDir", c.New.ProcDir, errors.New("MountProc is not asked for"))
	case c.New.ProcDir != "" && !filepath.IsAbs(c.New.ProcDir):
		return callerError("set ProcDir", c.New.ProcDir, errors.New("it is not absolute"))
	case !c.New.PivotRoot:
		return nil
	case c.Root == nil:
		return callerError("set PivotRoot", "", errors.New("there is no Root"))
	case c.New.Propagation == Shared, c.New.Propagation == UnchangedPropagation:
		return &Error{Op: "set PivotRoot", Errno: unix.EINVAL,
			Hint: "pivot_root(2) takes no shared mounts: use Private or Slave as Propagation"}
	}
	return nil
}

func (c *Cmd) checkOwner() error {
	if err := c.New.Owner.check(); err != nil {
		return err
	}
	if c.New.Owner != nil && len(c.New.Owner.Groups) > 0 {
		return callerError("set Owner", "", errors.New("a user namespace is owned by a user and a group, not by Groups"))
	}
	return nil
}

// checkKillSignal refuses what the kernel has no number for.
func (c *Cmd) checkKillSignal() error {
	if c.KillSignal == nil {
		return nil
	}
	if !c.KillOnExit {
		return callerError("set KillSignal", "", errors.New("KillOnExit is not asked for"))
	}
	if s, ok := c.KillSignal.(unix.Signal); !ok || s < 1 || s > maxSignal {
		return callerError("set KillSignal", fmt.Sprint(c.KillSignal), unix.EINVAL)
	}
	return nil
}

// deathSignal is what the payload gets when the caller exits; 0: none.
func (c *Cmd) deathSignal() int {
	if !c.KillOnExit {
		return 0
	}
	if s, ok := c.KillSignal.(unix.Signal); ok {
		return int(s)
	}
	return int(unix.SIGKILL)
}

func (c *Cmd) checkMaps() error {
	if err := checkMappings("uid map", c.New.UIDMappings); err != nil {
		return err
	}
	if err := checkMappings("gid map", c.New.GIDMappings); err != nil {
		return err
	}
	if err := c.checkHeld("uid", c.New.UIDMappings); err != nil {
		return err
	}
	return c.checkHeld("gid", c.New.GIDMappings)
}

// checkHeld refuses lines that reach outside of what the user namespace above
// has, for which the kernel would answer EPERM and not say to which. What a
// joined one has is unknown where there is no process of it.
func (c *Cmd) checkHeld(kind string, maps []IDMap) error {
	if len(maps) == 0 {
		return nil
	}
	held, err := c.parentIDs(kind + "_map")
	if err != nil && c.joinsOtherUser() {
		return nil
	}
	if err != nil {
		return err
	}
	if i := firstOutside(maps, held, func(m IDMap) int { return m.ContainerID }); i >= 0 {
		return &Error{Op: "write " + kind + " map", Path: mapLine(maps[i]), Errno: unix.EPERM,
			Hint: fmt.Sprintf("line %d: no range of the user namespace above holds it", i+1)}
	}
	return nil
}

// mountFlags is what mount(2) calls it.
func (p Propagation) mountFlags() uint32 {
	switch p {
	case Private:
		return unix.MS_PRIVATE
	case Slave:
		return unix.MS_SLAVE
	case Shared:
		return unix.MS_SHARED
	}
	return 0
}
