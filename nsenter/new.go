package nsenter

import (
	"fmt"
	"strings"
	"time"
)

// New is what new namespaces are like: what [Cmd.Unshare] creates. The zero
// value is a fresh namespace as the kernel makes it, but for its mounts.
type New struct {
	// UIDMappings and GIDMappings map ids of a new user namespace to ids of the
	// one that it is created in. An unprivileged caller may map its own id, one
	// line each, with setgroups denied; more goes through newuidmap(1) and
	// newgidmap(1), within its ranges in /etc/subuid and /etc/subgid.
	// At most 340 lines (Linux 4.15), shorter than a page in all. See MapRoot, MapCurrentUser and MapAuto.
	UIDMappings, GIDMappings []IDMap
	// DenySetgroups denies setgroups(2) in a new user namespace, for good: the
	// kernel wants that before an unprivileged caller maps a gid (3.19, CVE-2014-8989).
	DenySetgroups bool
	// Owner is whose a new user namespace is: who has all capabilities in it from
	// outside (user_namespaces(7), NS_GET_OWNER_UID), in ids of the user namespace
	// that it is created in. Nil, or Unchanged, is whoever creates it: the caller,
	// or root of the user namespace that is joined. Another takes CAP_SETUID and
	// CAP_SETGID there, and counts against that user's limits. Groups are not for it.
	Owner *Credential
	// KeepCapabilities lets a payload that is not root of its new user namespace
	// have the capabilities that root would have, after exec too: they are made
	// ambient and inheritable (Linux 4.3).
	KeepCapabilities bool
	// Monotonic and Boottime are the offsets of those clocks in a new time
	// namespace (Linux 5.6) against the initial one, to the nanosecond. Zero
	// leaves them as they are in the time namespace that is joined, or the caller's.
	Monotonic, Boottime time.Duration
	// Propagation is that of the mounts of a new mount namespace.
	Propagation Propagation
	// MountProc mounts a procfs of the payload's pid namespace on its /proc, or on
	// ProcDir if that is set: for a new mount namespace. ProcDir is an absolute
	// path inside of the payload's root, and no symbolic link.
	MountProc bool
	ProcDir   string
	// PivotRoot makes Root the root of a new mount namespace by pivot_root(2)
	// instead of chroot(2): the old one is gone from there. Propagation must be
	// Private or Slave.
	PivotRoot bool
	// Hostname and Domainname are those of a new uts namespace.
	Hostname, Domainname string
	// LoopbackUp raises lo in a new network namespace.
	LoopbackUp bool
}

// procDir is where procfs is mounted, if it is.
func (n *New) procDir() string {
	if n.ProcDir == "" {
		return "/proc"
	}
	return n.ProcDir
}

// owner is who creates a user namespace.
func (n *New) owner() Credential {
	if n.Owner == nil {
		return Credential{UID: Unchanged, GID: Unchanged}
	}
	return *n.Owner
}

// Propagation is where mounts and unmounts go to and come from (mount_namespaces(7)).
type Propagation int

const (
	// Private neither gives nor takes.
	Private Propagation = iota
	// Slave takes from where the namespace was copied from.
	Slave
	// Shared gives and takes within the new namespace's own peers.
	Shared
	// UnchangedPropagation leaves what the mounts had.
	UnchangedPropagation
)

// offsetsText is what is written to timens_offsets: seconds and nanoseconds,
// the latter never negative.
func (n *New) offsetsText() string {
	var b strings.Builder
	for _, clock := range []struct {
		name   string
		offset time.Duration
	}{{"monotonic", n.Monotonic}, {"boottime", n.Boottime}} {
		if clock.offset == 0 {
			continue
		}
		seconds := clock.offset / time.Second
		rest := clock.offset % time.Second
		if rest < 0 {
			seconds, rest = seconds-1, rest+time.Second
		}
		fmt.Fprintf(&b, "%s %d %d\n", clock.name, seconds, rest.Nanoseconds())
	}
	return b.String()
}
