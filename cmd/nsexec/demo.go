//go:build linux && cgo

package main

import (
	"encoding/json"
	"errors"
	"fmt"
	"io"
	"os"

	"github.com/spf13/cobra"

	"nsexec/ns"
	"nsexec/nsenter"
)

func newDemoCmd() *cobra.Command {
	return &cobra.Command{
		Use:   "demo",
		Short: "Make a process with its own namespaces, enter them all, and show what happened",
		Args:  cobra.NoArgs,
		RunE:  func(cmd *cobra.Command, _ []string) error { return runDemo(cmd.OutOrStdout()) },
	}
}

// demo is what one run has shown.
type demo struct {
	refused map[ns.Type]error // the namespaces that could not be made, and why
	target  int
	payload int // as the caller sees it
	outside map[ns.Type]uint64
	inside  map[ns.Type]uint64 // in the target
	seen    sighting           // by the payload
	steps   []nsenter.Step
}

func runDemo(w io.Writer) error {
	d := new(demo)
	if err := d.run(); err != nil {
		return err
	}
	if err := d.print(w); err != nil {
		return err
	}
	if wrong := d.wrong(); wrong != 0 {
		return fmt.Errorf("enter %v: the payload is somewhere else", wrong)
	}
	return nil
}

func (d *demo) run() error {
	target, refused, err := makeDemoTarget()
	if err != nil {
		return err
	}
	defer target.end()
	d.target, d.refused = target.pid(), refused
	set, err := ns.OfPID(d.target, ns.All)
	if err != nil {
		return err
	}
	defer set.Close()
	if err := d.compare(set); err != nil {
		return err
	}
	return d.enter(set)
}

// compare takes the inodes of both sides.
func (d *demo) compare(set *ns.Set) error {
	d.outside, d.inside = make(map[ns.Type]uint64), make(map[ns.Type]uint64)
	for _, t := range set.Types().Types() {
		own, err := ns.Current(t)
		if err != nil {
			return err
		}
		d.outside[t], d.inside[t] = own.ID().Ino, set.Handle(t).ID().Ino
		own.Close()
		if d.outside[t] == d.inside[t] && d.refused[t] == nil {
			d.refused[t] = errors.New("this kernel enters a new one at fork, not at exec")
		}
	}
	return nil
}

// enter runs this very program in the set's namespaces, to look around.
func (d *demo) enter(set *ns.Set) error {
	self, err := os.Executable()
	if err != nil {
		return fmt.Errorf("find own executable: %w", err)
	}
	cmd := nsenter.Command(set, self, "demo-payload")
	cmd.Stderr = os.Stderr
	cmd.Trace = func(s nsenter.Step) { d.steps = append(d.steps, s) }
	out, err := cmd.Output()
	if err != nil {
		return err
	}
	d.payload = cmd.Process.Pid
	if err := json.Unmarshal(out, &d.seen); err != nil {
		return fmt.Errorf("read what the payload says: %w", err)
	}
	return nil
}

// wrong are the types of which the payload is not in the target's namespace.
func (d *demo) wrong() ns.Type {
	var wrong ns.Type
	for t, inode := range d.inside {
		if d.seen.Inodes[t.Name()] != inode {
			wrong |= t
		}
	}
	return wrong
}
