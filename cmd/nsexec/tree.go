//go:build linux && cgo

package main

import (
	"fmt"
	"io"

	"github.com/spf13/cobra"

	"nsexec/ns"
)

func newTreeCmd() *cobra.Command {
	var pids, dot bool
	cmd := &cobra.Command{
		Use:   "tree",
		Short: "Draw which namespace owns which",
		Long: `Draw every namespace below the user namespace that owns it: capabilities held there are what counts for it.
With --pid, draw pid namespaces below their parents.`,
		Example: `  nsexec tree --dot | dot -Tsvg >namespaces.svg`,
		Args:    cobra.NoArgs,
		RunE: func(cmd *cobra.Command, _ []string) error {
			forest, err := ns.Tree()
			if err != nil {
				return err
			}
			roots := forest.Ownership
			if pids {
				roots = forest.PIDs
			}
			p := &printer{w: cmd.OutOrStdout()}
			if dot {
				p.dot(roots)
			} else {
				p.forest(roots)
			}
			printGaps(cmd.ErrOrStderr(), forest.Listing)
			return p.err
		},
	}
	cmd.Flags().BoolVar(&pids, "pid", false, "pid namespaces below their parents, instead of owners")
	cmd.Flags().BoolVar(&dot, "dot", false, "print a graph for Graphviz")
	return cmd
}

// printer remembers the first error.
type printer struct {
	w   io.Writer
	err error
}

func (p *printer) printf(format string, args ...any) {
	if p.err == nil {
		_, p.err = fmt.Fprintf(p.w, format, args...)
	}
}

func (p *printer) forest(roots []*ns.Node) {
	for _, root := range roots {
		p.printf("%s\n", title(root.Namespace))
		p.branches(root.Children, "")
	}
}

// branches draws children; indent is what stands before them on each line.
func (p *printer) branches(nodes []*ns.Node, indent string) {
	for i, node := range nodes {
		corner, below := "├─ ", "│  "
		if i == len(nodes)-1 {
			corner, below = "└─ ", "   "
		}
		p.printf("%s%s%s\n", indent, corner, title(node.Namespace))
		p.branches(node.Children, indent+below)
	}
}

func title(n *ns.Namespace) string {
	switch n.Members {
	case 0:
		return fmt.Sprintf("%s:[%d] %s", n.Type.Name(), n.ID.Ino, what(n))
	case 1:
		return fmt.Sprintf("%s:[%d] %d %s", n.Type.Name(), n.ID.Ino, n.PID, what(n))
	}
	return fmt.Sprintf("%s:[%d] %d %s and %d more", n.Type.Name(), n.ID.Ino, n.PID, what(n), n.Members-1)
}

// dot prints a directed graph. %q quotes as Graphviz does, for what title leaves in a text.
func (p *printer) dot(roots []*ns.Node) {
	p.printf("digraph namespaces {\n\trankdir=LR; node [shape=box]\n")
	p.dotNodes(roots)
	p.printf("}\n")
}

func (p *printer) dotNodes(nodes []*ns.Node) {
	for _, node := range nodes {
		n := node.Namespace
		p.printf("\tn%d [label=%q]\n", n.ID.Ino, title(n))
		for _, child := range node.Children {
			p.printf("\tn%d -> n%d\n", n.ID.Ino, child.Namespace.ID.Ino)
		}
		p.dotNodes(node.Children)
	}
}
