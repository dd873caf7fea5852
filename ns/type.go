package ns

import (
	"fmt"
	"math/bits"
	"strings"
)

// Type is a set of namespace types: CLONE_NEW* bits as clone(2), unshare(2) and setns(2) take them.
// One bit is one namespace type. The values are the kernel's on every architecture.
type Type uint64

// The eight namespace types.
const (
	Time   Type = 0x00000080 // CLONE_NEWTIME: offsets of the monotonic and boot clocks, since Linux 5.6
	Mount  Type = 0x00020000 // CLONE_NEWNS: the mount table
	Cgroup Type = 0x02000000 // CLONE_NEWCGROUP: the root of what /proc/PID/cgroup shows, since Linux 4.6
	UTS    Type = 0x04000000 // CLONE_NEWUTS: host and domain name
	IPC    Type = 0x08000000 // CLONE_NEWIPC: System V IPC and POSIX message queues
	User   Type = 0x10000000 // CLONE_NEWUSER: user and group ids, and every capability
	PID    Type = 0x20000000 // CLONE_NEWPID: process ids
	Net    Type = 0x40000000 // CLONE_NEWNET: interfaces, addresses, routes, ports, abstract sockets
)

// All is every type that this package knows. OfPID reads it as "whatever there is".
const All = Cgroup | IPC | Mount | Net | PID | Time | User | UTS

// kinds has one row for each type, in the order in which namespaces are joined one by one: user first,
// because it gives the privilege for the others; mnt late, because it takes our own /proc away.
// A row's place is also a handle's place in a Set.
var kinds = [...]struct {
	t        Type
	name     string // in /proc/PID/ns
	constant string
	label    string // what errors and os.File call it
}{
	{User, "user", "CLONE_NEWUSER", "user namespace"},
	{Cgroup, "cgroup", "CLONE_NEWCGROUP", "cgroup namespace"},
	{IPC, "ipc", "CLONE_NEWIPC", "ipc namespace"},
	{UTS, "uts", "CLONE_NEWUTS", "uts namespace"},
	{Net, "net", "CLONE_NEWNET", "net namespace"},
	{PID, "pid", "CLONE_NEWPID", "pid namespace"},
	{Mount, "mnt", "CLONE_NEWNS", "mnt namespace"},
	{Time, "time", "CLONE_NEWTIME", "time namespace"},
}

// ParseType returns the type that /proc/PID/ns calls name: "cgroup", "ipc", "mnt", "net", "pid", "time",
// "user" or "uts". "mount" and "network" are understood too. The entries pid_for_children and
// time_for_children are no types of their own: they are errors like any other name, and match ErrInvalidType.
func ParseType(name string) (Type, error) {
	switch name {
	case "mount":
		return Mount, nil
	case "network":
		return Net, nil
	}
	for _, k := range kinds {
		if k.name == name {
			return k.t, nil
		}
	}
	return 0, fmt.Errorf("parse namespace type %q: %w", name, ErrInvalidType)
}

// Name returns what /proc/PID/ns calls the type: the inverse of ParseType. It is "" unless t is exactly one type.
func (t Type) Name() string {
	if i := t.index(); i >= 0 {
		return kinds[i].name
	}
	return ""
}

// Types returns the single types in t in join order: user, cgroup, ipc, uts, net, pid, mnt, time.
// Bits that are no namespace type are left out.
func (t Type) Types() []Type {
	types := make([]Type, 0, len(kinds))
	for _, k := range kinds {
		if t&k.t != 0 {
			types = append(types, k.t)
		}
	}
	return types
}

// String returns the constants' names, lowest bit first: "CLONE_NEWNS | CLONE_NEWNET". The empty set is "0",
// and bits that are no namespace type stand at the end in hexadecimal.
func (t Type) String() string {
	var parts []string
	for rest := t & All; rest != 0; rest &= rest - 1 {
		one := rest & -rest
		parts = append(parts, kinds[one.index()].constant)
	}
	if unknown := t &^ All; unknown != 0 {
		parts = append(parts, fmt.Sprintf("%#x", uint64(unknown)))
	}
	if parts == nil {
		return "0"
	}
	return strings.Join(parts, " | ")
}

// index is t's place in kinds, or -1 unless t is exactly one type.
func (t Type) index() int {
	for i := range kinds {
		if kinds[i].t == t {
			return i
		}
	}
	return -1
}

// checkOne refuses anything but exactly one type.
func (t Type) checkOne() error {
	if t.index() >= 0 {
		return nil
	}
	if bits.OnesCount64(uint64(t)) > 1 {
		return fmt.Errorf("%w: want one type, not %v", ErrInvalidType, t)
	}
	return fmt.Errorf("%w: %v is no namespace type", ErrInvalidType, t)
}

// checkMask refuses the empty set and bits that are no namespace type.
func (t Type) checkMask() error {
	if t != 0 && t&^All == 0 {
		return nil
	}
	if t == 0 {
		return fmt.Errorf("%w: no type given", ErrInvalidType)
	}
	return fmt.Errorf("%w: %v has bits that are no namespace type", ErrInvalidType, t)
}
