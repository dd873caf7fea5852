//go:build linux && cgo

package main

import (
	"os/exec"
	"strconv"

	"nsexec/bench/turns"
	"nsexec/ns"
	"nsexec/nsenter"
)

// added is the order in which namespaces are: the last two are seldom joined, and change how a launcher works.
var added = []ns.Type{ns.Net, ns.UTS, ns.IPC, ns.Cgroup, ns.Mount, ns.PID, ns.Time, ns.User}

// namespaces compares numbers of them, up to all eight, of a target that has them all.
func (b *bench) namespaces() error {
	target := nsenter.Command(nil, "sleep", "600")
	target.Unshare, target.KillOnExit = ns.All, true
	target.New.UIDMappings = []nsenter.IDMap{{Size: 1}} // root
	target.New.GIDMappings = target.New.UIDMappings
	if err := target.Start(); err != nil {
		return err
	}
	defer func() { _, _ = target.Process.Kill(), target.Wait() }()
	all := []series{{name: "launcher"}, {name: "nsenter.Command"}, {name: "nsenter(1)"}}
	plain := series{name: "os/exec, no namespace"}
	contenders := []*turns.Contender{b.execWay()}
	along := axis{name: "namespaces"}
	places := []string{"none"}
	for n := range len(added) + 1 {
		set, closeSet, err := firstOf(target.Process.Pid, n)
		if err != nil {
			return err
		}
		defer closeSet()
		for i, run := range b.joining(target.Process.Pid, set, n) {
			c := &turns.Contender{Name: all[i].name, Run: run}
			all[i].at = append(all[i].at, c)
			contenders = append(contenders, c)
		}
		plain.at = append(plain.at, contenders[0])
		along.places = append(along.places, float64(n))
		if n > 0 {
			places = append(places, "+ "+added[n-1].Name())
		}
	}
	if err := turns.Take(b.rounds, contenders); err != nil {
		return err
	}
	b.figures.ofNamespaces(all[0].at)
	b.page.section("Number of namespaces", `Each column has those before it too. A pid namespace takes a clone, but for a launcher's payload, which is born in it; with a time or
user namespace no payload shares the launcher's memory. os/exec, with none, takes its turn among them.`)
	all = append(all, plain)
	b.page.matrix("ms", "%.3f", places, all, milliseconds)
	return b.page.lines("namespaces", "Start to reaped, median, by number of namespaces", "ms", along, all, milliseconds)
}

// firstOf is the set of the first n; none is nil.
func firstOf(pid, n int) (set *ns.Set, closeSet func(), err error) {
	if n == 0 {
		return nil, func() {}, nil
	}
	var types ns.Type
	for _, t := range added[:n] {
		types |= t
	}
	if set, err = ns.OfPID(pid, types); err != nil {
		return nil, nil, err
	}
	return set, func() { _ = set.Close() }, nil
}

// joining are the ways to join the first n.
func (b *bench) joining(pid int, set *ns.Set, n int) []func() error {
	arg := []string{"-t", strconv.Itoa(pid)}
	for _, t := range added[:n] {
		arg = append(arg, map[ns.Type]string{
			ns.Net: "-n", ns.UTS: "-u", ns.IPC: "-i", ns.Cgroup: "-C", ns.Mount: "-m", ns.PID: "-p", ns.Time: "-T", ns.User: "-U",
		}[t])
	}
	arg = append(arg, b.program)
	return []func() error{
		func() error { return b.launcher.Command(set, b.program).Run() },
		func() error { return nsenter.Command(set, b.program).Run() },
		func() error { return exec.Command("nsenter", arg...).Run() },
	}
}
