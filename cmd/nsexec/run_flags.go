//go:build linux && cgo

package main

import (
	"errors"
	"fmt"
	"os"
	"time"

	"github.com/spf13/pflag"

	"nsexec/ns"
	"nsexec/nsenter"
)

// createFlags are what run is told to create.
type createFlags struct {
	wanted              map[ns.Type]*bool
	fork                bool
	mapRoot, mapCurrent bool
	mapAuto             bool
	users, groups       idMaps
	setgroups           choice
	mountProc           bool
	propagation         choice
	monotonic, boottime offset
	killChild, init     bool
	hostname            string
}

// add defines the flags; their usage texts stand in the help.
func (c *createFlags) add(flags *pflag.FlagSet) {
	c.wanted = make(map[ns.Type]*bool)
	for _, n := range namespaceFlags {
		c.wanted[n.t] = flags.BoolP(n.long, n.short, false, "")
	}
	flags.BoolVarP(&c.fork, "fork", "f", false, "")
	flags.BoolVarP(&c.mapRoot, "map-root-user", "r", false, "")
	flags.BoolVarP(&c.mapCurrent, "map-current-user", "c", false, "")
	flags.BoolVar(&c.mapAuto, "map-auto", false, "")
	flags.Var(&c.users, "map-users", "")
	flags.Var(&c.groups, "map-groups", "")
	c.setgroups.of = []string{"allow", "deny"}
	flags.Var(&c.setgroups, "setgroups", "")
	flags.BoolVar(&c.mountProc, "mount-proc", false, "")
	c.propagation.of = propagations
	flags.Var(&c.propagation, "propagation", "")
	flags.Var(&c.monotonic, "monotonic", "")
	flags.Var(&c.boottime, "boottime", "")
	flags.BoolVar(&c.killChild, "kill-child", false, "")
	flags.BoolVar(&c.init, "init", false, "")
	flags.StringVar(&c.hostname, "hostname", "", "")
}

// propagations are the names of nsenter's constants, in their order.
var propagations = []string{nsenter.Private: "private", nsenter.Slave: "slave", nsenter.Shared: "shared", nsenter.UnchangedPropagation: "unchanged"}

// finish adds the namespaces that other flags imply, as unshare(1) does.
func (c *createFlags) finish(flags *pflag.FlagSet) error {
	if c.mapRoot && c.mapCurrent {
		return errors.New("--map-root-user and --map-current-user exclude each other")
	}
	if c.maps() {
		*c.wanted[ns.User] = true
	}
	if c.mountProc {
		*c.wanted[ns.Mount] = true
	}
	for flag, t := range map[string]ns.Type{
		"setgroups": ns.User, "propagation": ns.Mount, "monotonic": ns.Time, "boottime": ns.Time, "init": ns.PID, "hostname": ns.UTS,
	} {
		if flags.Changed(flag) && !*c.wanted[t] {
			return fmt.Errorf("--%s: no new %s namespace is asked for", flag, t.Name())
		}
	}
	return nil
}

func (c *createFlags) maps() bool {
	return c.mapRoot || c.mapCurrent || c.mapAuto || len(c.users) > 0 || len(c.groups) > 0
}

// becomesRoot: whoever enters a user namespace is its root if it has one, unless -c makes it himself.
func (c *createFlags) becomesRoot(joins bool) bool {
	return joins || *c.wanted[ns.User] && !c.mapCurrent
}

// apply tells cmd what to create.
func (c *createFlags) apply(cmd *nsenter.Cmd) error {
	cmd.Unshare = c.types()
	cmd.KillOnExit, cmd.Init = c.killChild, c.init
	n := &cmd.New
	n.Monotonic, n.Boottime = time.Duration(c.monotonic), time.Duration(c.boottime)
	n.MountProc, n.Hostname = c.mountProc, c.hostname
	if i := c.propagation.index(); i >= 0 {
		n.Propagation = nsenter.Propagation(i)
	}
	n.PivotRoot = c.canPivot(cmd.Root, n.Propagation)
	return c.applyMaps(cmd)
}

// canPivot: where it can, the old root is to be gone. pivot_root(2) refuses shared mounts.
func (c *createFlags) canPivot(root *os.File, p nsenter.Propagation) bool {
	return root != nil && *c.wanted[ns.Mount] && (p == nsenter.Private || p == nsenter.Slave)
}

// applyMaps adds the ranges before --map-auto, which leaves out what they have.
func (c *createFlags) applyMaps(cmd *nsenter.Cmd) error {
	switch {
	case c.mapRoot:
		cmd.MapRoot()
	case c.mapCurrent:
		cmd.MapCurrentUser()
	}
	cmd.New.UIDMappings = append(cmd.New.UIDMappings, c.users...)
	cmd.New.GIDMappings = append(cmd.New.GIDMappings, c.groups...)
	if c.mapAuto {
		if err := cmd.MapAuto(); err != nil {
			return err
		}
	}
	if c.setgroups.value != "" {
		cmd.New.DenySetgroups = c.setgroups.value == "deny"
	}
	return nil
}
