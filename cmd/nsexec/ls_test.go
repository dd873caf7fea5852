//go:build linux && cgo

package main

import (
	"bytes"
	"encoding/json"
	"fmt"
	"os"
	"strings"
	"testing"

	"github.com/spf13/cobra"

	"nsexec/internal/testutil"
	"nsexec/ns"
)

// output runs a subcommand in this process.
func output(t *testing.T, cmd *cobra.Command, args ...string) (stdout string, err error) {
	t.Helper()
	var out bytes.Buffer
	cmd.SetOut(&out)
	cmd.SetErr(&bytes.Buffer{})
	cmd.SetArgs(append([]string{}, args...)) // nil would mean our own
	cmd.SilenceErrors, cmd.SilenceUsage = true, true
	err = cmd.Execute()
	return out.String(), err
}

func TestLsShowsOwnNamespaces(t *testing.T) {
	inode, err := ns.Inode(os.Getpid(), ns.Net)
	if err != nil {
		t.Fatal(err)
	}
	pid := fmt.Sprint(os.Getpid())
	out, err := output(t, newLsCmd(), "-t", "net", "-p", pid)
	if err != nil {
		t.Fatal(err)
	}
	lines := strings.Split(strings.TrimSpace(out), "\n")
	if len(lines) != 2 || !strings.HasPrefix(lines[1], fmt.Sprint(inode)+" ") {
		t.Errorf("want one row, of %d:\n%s", inode, out)
	}

	out, err = output(t, newLsCmd(), "--json", "-p", pid)
	if err != nil {
		t.Fatal(err)
	}
	var got struct{ Namespaces []jsonNamespace }
	if err := json.Unmarshal([]byte(out), &got); err != nil {
		t.Fatal(err)
	}
	supported, _ := ns.Supported()
	if len(got.Namespaces) != len(supported.Types()) {
		t.Errorf("%d rows, want one for each of %v", len(got.Namespaces), supported)
	}
	for _, row := range got.Namespaces {
		typ, _ := ns.ParseType(row.Type)
		if want, err := ns.Inode(os.Getpid(), typ); err != nil || row.NS != want || row.Members < 1 {
			t.Errorf("%+v, want %d, %v", row, want, err)
		}
	}
	if _, err := output(t, newLsCmd(), "-t", "nonsense"); err == nil {
		t.Error("a type that does not exist is accepted")
	}
}

func TestTreeDraws(t *testing.T) {
	inode, err := ns.Inode(os.Getpid(), ns.User)
	if err != nil {
		t.Fatal(err)
	}
	testutil.Target(t, uint64(ns.User|ns.UTS)) // something below us, whoever we are
	out, err := output(t, newTreeCmd())
	if err != nil || !strings.Contains(out, fmt.Sprintf("user:[%d]", inode)) || !strings.Contains(out, "└─ ") {
		t.Errorf("%v\n%s", err, out)
	}
	out, err = output(t, newTreeCmd(), "--pid", "--dot")
	if err != nil || !strings.HasPrefix(out, "digraph") || !strings.HasSuffix(out, "}\n") {
		t.Errorf("%v\n%s", err, out)
	}
}

func TestListingsTellTheirGaps(t *testing.T) {
	l := &ns.Listing{Unreadable: []int{1, 7}, Hidden: true}
	var notes bytes.Buffer
	printGaps(&notes, l)
	for _, want := range []string{"2 processes", "hidepid"} {
		if !strings.Contains(notes.String(), want) {
			t.Errorf("%q does not tell of %s", notes.String(), want)
		}
	}
	listing, err := ns.List()
	if err != nil {
		t.Fatal(err)
	}
	for _, cmd := range []*cobra.Command{newLsCmd(), newTreeCmd()} {
		notes.Reset()
		cmd.SetOut(&bytes.Buffer{})
		cmd.SetErr(&notes)
		cmd.SetArgs([]string{})
		if err := cmd.Execute(); err != nil || listing.Complete() != (notes.Len() == 0) {
			t.Errorf("%s: complete: %v, it says %q, %v", cmd.Name(), listing.Complete(), notes.String(), err)
		}
	}
}

func TestTerminalIsSafeFromCommandNames(t *testing.T) {
	n := &ns.Namespace{Type: ns.Net, Members: 1, Command: "evil\x1b]0;title\a" + strings.Repeat("x", 100)}
	if s := what(n); strings.ContainsAny(s, "\x1b\a") || len([]rune(s)) > 60 {
		t.Errorf("%q", s)
	}
}
