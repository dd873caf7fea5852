//go:build linux && cgo

package main

import (
	"errors"
	"fmt"
	"io"
	"strings"
	"text/tabwriter"

	"golang.org/x/sys/unix"

	"nsexec/ns"
)

// print writes what a person wants to see: where everybody is, who is who, and how long it took.
func (d *demo) print(w io.Writer) error {
	table := tabwriter.NewWriter(w, 0, 0, 3, ' ', 0)
	if _, err := io.WriteString(table, d.text()); err != nil {
		return err
	}
	return table.Flush()
}

// text has tabs between the columns of its tables.
func (d *demo) text() string {
	var b strings.Builder
	fmt.Fprintf(&b, "%s\n\n", d.summary())
	d.addNamespaces(&b)
	fmt.Fprintf(&b, "\nThe payload is process %d here, and %s to itself.\n\n", d.payload, d.innermostPID())
	d.addTimeline(&b)
	return b.String()
}

func (d *demo) summary() string {
	own := len(d.inside) - len(d.refused)
	switch {
	case own == 0:
		return fmt.Sprintf("No namespace can be made here. The target, process %d, shares ours.", d.target)
	case len(d.refused) > 0:
		return fmt.Sprintf("The target, process %d, has %d new namespaces, and shares the others, which cannot be made here. "+
			"The payload has entered them.", d.target, own)
	}
	return fmt.Sprintf("The target, process %d, has %d new namespaces. The payload has entered them all.", d.target, own)
}

func (d *demo) addNamespaces(b *strings.Builder) {
	fmt.Fprintln(b, "NAMESPACE\tOUTSIDE\tTARGET\tPAYLOAD")
	wrong := d.wrong()
	for _, t := range ns.All.Types() {
		inode, ok := d.inside[t]
		if !ok {
			fmt.Fprintf(b, "%s\t-\t-\t-\tnot in this kernel\n", t.Name())
			continue
		}
		verdict := "✓"
		if wrong&t != 0 {
			verdict = "✗ not the target's"
		} else if err := d.refused[t]; err != nil {
			verdict = "✓ shared: " + reason(err)
		}
		fmt.Fprintf(b, "%s\t%d\t%d\t%d\t%s\n", t.Name(), d.outside[t], inode, d.seen.Inodes[t.Name()], verdict)
	}
}

func (d *demo) addTimeline(b *strings.Builder) {
	fmt.Fprintln(b, "MICROSECONDS\tSTAGE\tPID\tSTEP")
	for _, s := range d.steps {
		fmt.Fprintf(b, "%12d\t%v\t%d\t%s\n", s.Since.Microseconds(), s.Stage, s.PID, describeStep(s))
	}
}

func (d *demo) innermostPID() string {
	return d.seen.PIDs[len(d.seen.PIDs)-1]
}

// reason is why a namespace could not be made. It leaves out the path that was executed, and what ENOSPC says.
func reason(err error) string {
	if errors.Is(err, unix.ENOSPC) {
		return "the limit in /proc/sys/user is reached"
	}
	for next := err; next != nil; next = errors.Unwrap(next) {
		err = next
	}
	return err.Error()
}
