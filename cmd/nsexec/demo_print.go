//go:build linux && cgo

package main

import (
	"errors"
	"fmt"
	"io"
	"text/tabwriter"

	"nsexec/ns"
)

// print writes what a person wants to see: where everybody is, who is who, and how long it took.
func (d *demo) print(w io.Writer) error {
	fmt.Fprintf(w, "The target, process %d, has %d namespaces of its own. The payload has entered them.\n\n",
		d.target, len(d.inside)-len(d.refused))
	table := tabwriter.NewWriter(w, 0, 0, 3, ' ', 0)
	d.printNamespaces(table)
	if err := table.Flush(); err != nil {
		return err
	}
	fmt.Fprintf(w, "\nThe payload is process %d here, and %s to itself.\n\n", d.payload, d.innermostPID())
	d.printTimeline(table)
	return table.Flush()
}

func (d *demo) printNamespaces(w io.Writer) {
	fmt.Fprintln(w, "NAMESPACE\tOUTSIDE\tTARGET\tPAYLOAD\t")
	wrong := d.wrong()
	for _, t := range ns.All.Types() {
		inode, ok := d.inside[t]
		if !ok {
			fmt.Fprintf(w, "%s\t-\t-\t-\tnot in this kernel\n", t.Name())
			continue
		}
		verdict := "✓"
		if wrong&t != 0 {
			verdict = "✗ not the target's"
		} else if err := d.refused[t]; err != nil {
			verdict = fmt.Sprintf("✓ shared: %v", rootCause(err))
		}
		fmt.Fprintf(w, "%s\t%d\t%d\t%d\t%s\n", t.Name(), d.outside[t], inode, d.seen.Inodes[t.Name()], verdict)
	}
}

func (d *demo) printTimeline(w io.Writer) {
	fmt.Fprintln(w, "MICROSECONDS\tSTAGE\tPID\tSTEP\t")
	for _, s := range d.steps {
		fmt.Fprintf(w, "%12d\t%v\t%d\t%s\t\n", s.Since.Microseconds(), s.Stage, s.PID, describeStep(s))
	}
}

func (d *demo) innermostPID() string {
	return d.seen.PIDs[len(d.seen.PIDs)-1]
}

// rootCause leaves the path that was executed out: it is not what was refused.
func rootCause(err error) error {
	for {
		next := errors.Unwrap(err)
		if next == nil {
			return err
		}
		err = next
	}
}
