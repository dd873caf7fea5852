//go:build linux && cgo

package main

import (
	"fmt"
	"os/exec"
	"slices"
	"strconv"
	"time"

	"nsexec/bench/turns"
	"nsexec/nsenter"
)

// Six namespaces, as an option of nsenter(1), unshare(1) and nsexec each.
var sixOptions = []string{"-m", "-u", "-i", "-n", "-p", "-C"}

func (b *bench) execWay() *turns.Contender {
	return &turns.Contender{Name: "os/exec", Run: func() error { return exec.Command(b.program).Run() }}
}

func (b *bench) launcherWay() *turns.Contender {
	return &turns.Contender{Name: "launcher", Run: func() error {
		return b.launcher.Command(b.set, b.program).Run()
	}}
}

// peer is a program that enters the target, started by os/exec as its users do.
func (b *bench) peer(name string, arg ...string) *turns.Contender {
	arg = slices.Concat(arg, []string{"-t", strconv.Itoa(b.pid)}, sixOptions, []string{b.program})
	return &turns.Contender{Name: name, Run: func() error { return exec.Command(arg[0], arg[1:]...).Run() }}
}

// ways compares all ways to run a program in six namespaces.
func (b *bench) ways() error {
	begun := time.Now()
	if err := nsenter.Command(b.set, b.program).Run(); err != nil {
		return err
	}
	first := time.Since(begun)
	plain, launcher, util := b.execWay(), b.launcherWay(), b.peer("nsenter(1)", "nsenter")
	oneshot := &turns.Contender{Name: "nsenter.Command", Run: func() error {
		return nsenter.Command(b.set, b.program).Run()
	}}
	contenders := []*turns.Contender{plain, launcher, oneshot, util}
	if _, err := exec.LookPath("nsexec"); err == nil {
		contenders = append(contenders, b.peer("nsexec exec", "nsexec", "exec"))
	}
	runtimes, stop, err := b.startRuntimes()
	defer stop()
	if err != nil {
		return err
	}
	floors, closeFloor, err := b.floors()
	if err != nil {
		return err
	}
	defer closeFloor()
	all := slices.Concat(contenders, runtimes, floors)
	if err := turns.Take(b.rounds, all); err != nil {
		return err
	}
	b.page.section("Six namespaces", fmt.Sprintf(`All that is on the way, from start to reaped. os/exec joins nothing: it is what a plain start
costs. Programs are started through os/exec, as their users do. The first nsenter.Command of the process, which makes
the unwritable executable, took %.2f ms. runc and crun do more than join: cgroups, capabilities and limits too.`, float64(first)/1e6))
	b.page.table(plain, slices.Concat(contenders, runtimes))
	b.figures.ofWays(plain, launcher, util, oneshot, runtimes)
	timeline, err := b.timeline()
	if err != nil {
		return err
	}
	b.page.whereTimeGoes(timeline, plain, launcher, floors)
	return b.page.bars("ways", "Six namespaces, start to reaped, median", slices.Concat(contenders, runtimes))
}

// startRuntimes starts a container of each.
func (b *bench) startRuntimes() (contenders []*turns.Contender, stop func(), err error) {
	var started []*container
	stop = func() {
		for _, c := range started {
			c.remove()
		}
	}
	for _, runtime := range b.runtimes {
		if _, err := exec.LookPath(runtime); err != nil {
			continue
		}
		c, err := startContainer(b.dir, runtime, b.program)
		if err != nil {
			return nil, stop, err
		}
		started = append(started, c)
		contenders = append(contenders, c.contender())
	}
	return contenders, stop, nil
}
