//go:build linux && cgo

package main

import (
	"fmt"
	"io"
	"os"

	"github.com/spf13/cobra"

	"nsexec/ns"
	"nsexec/nsenter"
)

// newDemoTargetCmd is what the demo enters: it waits in its namespaces until its stdin ends, so until the demo does.
func newDemoTargetCmd() *cobra.Command {
	return &cobra.Command{
		Use:    "demo-target",
		Hidden: true,
		Args:   cobra.NoArgs,
		RunE: func(*cobra.Command, []string) error {
			_, err := io.Copy(io.Discard, os.Stdin)
			return err
		},
	}
}

// demoTarget is this program once more, in namespaces of its own.
type demoTarget struct {
	cmd   *nsenter.Cmd
	stdin io.Closer
}

func (t *demoTarget) pid() int { return t.cmd.Process.Pid }

func (t *demoTarget) end() {
	t.stdin.Close()
	_ = t.cmd.Process.Kill()
	_ = t.cmd.Wait() // it was killed
}

// makeDemoTarget gives it all namespaces of its own. Where that is refused, it asks for them one after the other,
// the user namespace first, and says which it cannot have, and why.
func makeDemoTarget() (*demoTarget, map[ns.Type]error, error) {
	refused := make(map[ns.Type]error)
	all, err := ns.Supported()
	if err != nil {
		return nil, nil, err
	}
	if t, err := startDemoTarget(all); err == nil {
		return t, refused, nil
	}
	var possible ns.Type
	for _, one := range all.Types() {
		t, err := startDemoTarget(possible | one)
		if err != nil {
			refused[one] = err
			continue
		}
		t.end()
		possible |= one
	}
	t, err := startDemoTarget(possible)
	if err != nil {
		return nil, nil, fmt.Errorf("start target: %w", err)
	}
	return t, refused, nil
}

// startDemoTarget: a target made by clone(2) would be in its time namespace on Linux 6.2 and later only, and a Go
// program could start no thread there.
func startDemoTarget(types ns.Type) (*demoTarget, error) {
	self, err := os.Executable()
	if err != nil {
		return nil, err
	}
	cmd := nsenter.Command(nil, self, "demo-target")
	cmd.Stderr = os.Stderr
	cmd.Unshare = types
	if types&ns.User != 0 {
		cmd.MapRoot()
	}
	stdin, err := cmd.StdinPipe()
	if err != nil {
		return nil, err
	}
	if err := cmd.Start(); err != nil {
		return nil, err
	}
	return &demoTarget{cmd, stdin}, nil
}
