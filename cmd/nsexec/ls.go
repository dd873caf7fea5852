//go:build linux && cgo

package main

import (
	"encoding/json"
	"fmt"
	"io"
	"os/user"
	"slices"
	"strconv"
	"strings"
	"text/tabwriter"
	"unicode"

	"github.com/spf13/cobra"

	"nsexec/ns"
)

// lsFlags choose rows, and how they are shown.
type lsFlags struct {
	types  []string
	pid    int
	empty  bool
	pinned bool
	json   bool
}

func newLsCmd() *cobra.Command {
	var f lsFlags
	cmd := &cobra.Command{
		Use:   "ls",
		Short: "List namespaces: who is in them, who owns them, what keeps them alive",
		Long: `List every namespace that you can see. Those without a process are shown with what keeps them alive: a bind
mount, an open file, a socket, a thread, or a namespace that they own or are the parent of.`,
		Example: `  nsexec ls -t net          network namespaces
  nsexec ls -p 1234         those that process 1234 is in
  nsexec ls --empty         those that no process is in
  nsexec ls --json | jq .   for programs`,
		Args: cobra.NoArgs,
		RunE: func(cmd *cobra.Command, _ []string) error {
			l, err := ns.List()
			if err != nil {
				return err
			}
			if l.Namespaces, err = f.choose(l.Namespaces); err != nil {
				return err
			}
			if f.json {
				return printJSON(cmd.OutOrStdout(), l)
			}
			return printTable(cmd.OutOrStdout(), cmd.ErrOrStderr(), l)
		},
	}
	flags := cmd.Flags()
	flags.StringSliceVarP(&f.types, "type", "t", nil, "only these types: user, cgroup, ipc, uts, net, pid, mnt, time")
	flags.IntVarP(&f.pid, "pid", "p", 0, "only those that this process is in")
	flags.BoolVar(&f.empty, "empty", false, "only those that no process is in")
	flags.BoolVar(&f.pinned, "pinned", false, "only those with a bind mount")
	flags.BoolVar(&f.json, "json", false, "print JSON")
	return cmd
}

// choose keeps the rows that all flags agree on.
func (f *lsFlags) choose(rows []ns.Namespace) ([]ns.Namespace, error) {
	types := ns.All
	if len(f.types) > 0 {
		types = 0
	}
	for _, name := range f.types {
		t, err := ns.ParseType(name)
		if err != nil {
			return nil, err
		}
		types |= t
	}
	in := func(ns.ID) bool { return true }
	if f.pid != 0 {
		s, err := ns.OfPID(f.pid, ns.All)
		if err != nil {
			return nil, err
		}
		defer s.Close()
		in = func(id ns.ID) bool {
			return slices.ContainsFunc(s.Types().Types(), func(t ns.Type) bool { return s.Handle(t).ID() == id })
		}
	}
	return slices.DeleteFunc(rows, func(n ns.Namespace) bool {
		return n.Type&types == 0 || !in(n.ID) || f.empty && n.Members > 0 || f.pinned && len(n.Pins) == 0
	}), nil
}

func printTable(out, notes io.Writer, l *ns.Listing) error {
	columns := tabwriter.NewWriter(out, 0, 0, 2, ' ', 0)
	p := &printer{w: columns}
	p.printf("NS\tTYPE\tOWNER\tPROCS\tPID\tUSER\tCOMMAND\n")
	for i := range l.Namespaces {
		n := &l.Namespaces[i]
		p.printf("%d\t%s\t%s\t%d\t%s\t%s\t%s\n", n.ID.Ino, n.Type.Name(), orDash(n.Owner.Ino), n.Members,
			orDash(n.PID), userName(n.UID), what(n))
	}
	if p.err == nil {
		p.err = columns.Flush()
	}
	printGaps(notes, l)
	return p.err
}

// printGaps says what could not be seen.
func printGaps(notes io.Writer, l *ns.Listing) {
	p := &printer{w: notes}
	if k := len(l.Unreadable); k > 0 {
		p.printf("not shown: what %d processes are in, which you may not look at\n", k)
	}
	if l.Hidden {
		p.printf("not shown: processes that /proc hides (hidepid)\n")
	}
}

// what says who is inside, or else what keeps the namespace alive.
func what(n *ns.Namespace) string {
	if n.Members > 0 {
		return shorten(printable(n.Command))
	}
	switch {
	case len(n.Pins) > 0:
		return "(pinned at " + printable(n.Pins[0].Path) + ")"
	case len(n.Holders) > 0:
		return "(" + holder(n.Holders[0]) + ")"
	}
	return "(owner or parent of another)"
}

func holder(h ns.Holder) string {
	switch {
	case h.TID != 0:
		return fmt.Sprintf("thread %d of process %d", h.TID, h.PID)
	case h.Socket:
		return fmt.Sprintf("socket %d of process %d", h.FD, h.PID)
	}
	return fmt.Sprintf("file %d of process %d", h.FD, h.PID)
}

// printable keeps a process from sending commands to the terminal by its name.
func printable(s string) string {
	return strings.Map(func(r rune) rune {
		if unicode.IsPrint(r) {
			return r
		}
		return '?'
	}, s)
}

// shorten cuts long command lines.
func shorten(s string) string {
	const width = 60
	if runes := []rune(s); len(runes) > width {
		return string(runes[:width-1]) + "…"
	}
	return s
}

func orDash[N int | uint64](n N) string {
	if n == 0 {
		return "-"
	}
	return fmt.Sprint(n)
}

func userName(uid int) string {
	if uid < 0 {
		return "-"
	}
	u, err := user.LookupId(strconv.Itoa(uid))
	if err != nil {
		return strconv.Itoa(uid)
	}
	return u.Username
}

// jsonNamespace is a row for programs. Numbers that lsns -J also has are called as there.
type jsonNamespace struct {
	NS       uint64      `json:"ns"`
	Type     string      `json:"type"`
	ID64     uint64      `json:"id64,omitempty"`
	Owner    uint64      `json:"ons"`
	Parent   uint64      `json:"pns"`
	OwnerUID int         `json:"owner_uid"`
	Members  int         `json:"nprocs"`
	PID      int         `json:"pid,omitempty"`
	UID      *int        `json:"uid,omitempty"`
	Command  string      `json:"command,omitempty"`
	Pins     []ns.Pin    `json:"pins,omitempty"`
	Holders  []ns.Holder `json:"holders,omitempty"`
}

func printJSON(out io.Writer, l *ns.Listing) error {
	rows := make([]jsonNamespace, 0, len(l.Namespaces))
	for _, n := range l.Namespaces {
		row := jsonNamespace{
			NS: n.ID.Ino, Type: n.Type.Name(), ID64: n.ID64, Owner: n.Owner.Ino, Parent: n.Parent.Ino, OwnerUID: n.OwnerUID,
			Members: n.Members, PID: n.PID, Command: n.Command, Pins: n.Pins, Holders: n.Holders,
		}
		if n.UID >= 0 {
			row.UID = &n.UID
		}
		rows = append(rows, row)
	}
	enc := json.NewEncoder(out)
	enc.SetIndent("", "  ")
	return enc.Encode(map[string]any{"namespaces": rows, "unreadable": l.Unreadable, "hidden": l.Hidden})
}
