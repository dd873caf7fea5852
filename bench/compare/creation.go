//go:build linux && cgo

package main

import (
	"os/exec"
	"slices"
	"syscall"

	"nsexec/bench/turns"
	"nsexec/nsenter"
)

// creation compares ways to start a program in namespaces of its own. The kernel takes network namespaces down later, at
// the cost of whoever measures meanwhile: so it comes last, and takes fewer turns.
func (b *bench) creation() error {
	create := func(c *nsenter.Cmd) error {
		c.Unshare = turns.Six
		return c.Run()
	}
	unshare := slices.Concat([]string{"--fork"}, sixOptions, []string{b.program})
	contenders := []*turns.Contender{
		{Name: "os/exec with Cloneflags", Run: func() error {
			cmd := exec.Command(b.program)
			cmd.SysProcAttr = &syscall.SysProcAttr{Cloneflags: uintptr(turns.Six)}
			return cmd.Run()
		}},
		{Name: "unshare(1)", Run: func() error { return exec.Command("unshare", unshare...).Run() }},
		{Name: "nsenter.Command with Unshare", Run: func() error { return create(nsenter.Command(nil, b.program)) }},
		{Name: "launcher with Unshare", Run: func() error { return create(b.launcher.Command(nil, b.program)) }},
	}
	if err := turns.Take(max(1, b.rounds/5), contenders); err != nil {
		return err
	}
	b.page.section("Six namespaces created", "Instead of joined. A network namespace is most of it, and the kernel's work.")
	b.page.table(contenders[0], contenders)
	return nil
}
