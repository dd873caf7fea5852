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
	maps                mapFlags
	setgroups           choice
	owner               ownerIDs
	keepCaps            bool
	mountProc           optionalPath
	propagation         choice
	monotonic, boottime offset
	killChild           killSignal
	init                bool
	hostname            string
	domainname          string
	loopback            bool
}

// add defines the flags; their usage texts stand in the help.
func (c *createFlags) add(flags *pflag.FlagSet) {
	c.wanted = make(map[ns.Type]*bool)
	for _, n := range namespaceFlags {
		c.wanted[n.t] = flags.BoolP(n.long, n.short, false, "")
	}
	flags.BoolVarP(&c.fork, "fork", "f", false, "")
	c.maps.add(flags)
	c.setgroups.of = []string{"allow", "deny"}
	flags.Var(&c.setgroups, "setgroups", "")
	flags.Var(&c.owner, "owner", "")
	flags.BoolVar(&c.keepCaps, "keep-caps", false, "")
	addOptional(flags, &c.mountProc, "mount-proc", "")
	c.propagation.of = propagations
	flags.Var(&c.propagation, "propagation", "")
	flags.Var(&c.monotonic, "monotonic", "")
	flags.Var(&c.boottime, "boottime", "")
	flags.VarPF(&c.killChild, "kill-child", "", "").NoOptDefVal = alone
	flags.BoolVar(&c.init, "init", false, "")
	flags.StringVar(&c.hostname, "hostname", "", "")
	flags.StringVar(&c.domainname, "domainname", "", "")
	flags.BoolVar(&c.loopback, "loopback", false, "")
}

// propagations are the names of nsenter's constants, in their order.
var propagations = []string{nsenter.Private: "private", nsenter.Slave: "slave", nsenter.Shared: "shared", nsenter.UnchangedPropagation: "unchanged"}

// belongsTo are flags that mean nothing without a new namespace of that type.
var belongsTo = map[string]ns.Type{
	"setgroups": ns.User, "owner": ns.User, "keep-caps": ns.User,
	"propagation": ns.Mount, "init": ns.PID, "loopback": ns.Net,
	"hostname": ns.UTS, "domainname": ns.UTS,
	"monotonic": ns.Time, "boottime": ns.Time,
}

// finish adds the namespaces that other flags imply, as unshare(1) does.
func (c *createFlags) finish(flags *pflag.FlagSet) error {
	if c.maps.given() {
		*c.wanted[ns.User] = true
	}
	if c.mountProc.given {
		*c.wanted[ns.Mount] = true
	}
	for flag, t := range belongsTo {
		if flags.Changed(flag) && !*c.wanted[t] {
			return fmt.Errorf("--%s: no new %s namespace is asked for", flag, t.Name())
		}
	}
	if m := &c.maps; c.setgroups.value == "allow" && m.group != noID && len(m.groups) == 0 && os.Geteuid() != 0 {
		return errors.New("--setgroups allow: the kernel denies it to an ordinary user whose own group is all that is mapped")
	}
	return nil
}

// becomesRoot: whoever enters a user namespace is its root if it has one, unless another id is given to him there.
func (c *createFlags) becomesRoot(joins bool) bool {
	return (joins || *c.wanted[ns.User]) && c.maps.user == noID && c.maps.group == noID
}

// apply tells cmd what to create.
func (c *createFlags) apply(cmd *nsenter.Cmd, joinsUser bool) error {
	cmd.Unshare = c.types()
	cmd.KillOnExit, cmd.Init = c.killChild.given, c.init
	if c.killChild.given {
		cmd.KillSignal = c.killChild.signal
	}
	n := &cmd.New
	n.Monotonic, n.Boottime = time.Duration(c.monotonic), time.Duration(c.boottime)
	n.MountProc, n.ProcDir = c.mountProc.given, c.mountProc.path
	n.Hostname, n.Domainname = c.hostname, c.domainname
	n.LoopbackUp, n.KeepCapabilities = c.loopback, c.keepCaps
	if c.owner.given {
		n.Owner = &nsenter.Credential{UID: c.owner.uid, GID: c.owner.gid}
	}
	if i := c.propagation.index(); i >= 0 {
		n.Propagation = nsenter.Propagation(i)
	}
	n.PivotRoot = c.canPivot(cmd.Root, n.Propagation)
	if err := c.maps.apply(cmd, joinsUser); err != nil {
		return err
	}
	if c.setgroups.value != "" {
		n.DenySetgroups = c.setgroups.value == "deny"
	}
	return nil
}

// canPivot: where it can, the old root is to be gone. pivot_root(2) refuses shared mounts.
func (c *createFlags) canPivot(root *os.File, p nsenter.Propagation) bool {
	return root != nil && *c.wanted[ns.Mount] && (p == nsenter.Private || p == nsenter.Slave)
}
