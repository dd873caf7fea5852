//go:build linux && cgo

package nsenter_test

import (
	"fmt"
	"os"
	"slices"
	"strings"
	"testing"

	"nsexec/internal/testutil"
	"nsexec/ns"
	"nsexec/nsenter"
)

func TestMapUserAndGroup(t *testing.T) {
	baseline(t)
	cmd := nsenter.Command(nil, "/bin/sh", "-c", showMaps+" /proc/self/setgroups")
	cmd.MapUser(5)
	cmd.MapGroup(6)
	wantSays(t, cmd, fmt.Sprintf("5 %d 1 6 %d 1 deny", os.Geteuid(), os.Getegid()))
}

// Where the caller's own id is taken, what lies behind it moves down.
func TestMapRangesAroundOwn(t *testing.T) {
	own := os.Geteuid()
	for _, test := range []struct {
		inside, outside, size int // of the range
		own                   int // id inside
		want                  []nsenter.IDMap
	}{
		{0, own + 10, 5, 0, []nsenter.IDMap{idMap(1, own+10, 4)}},
		{0, own + 10, 5, 2, []nsenter.IDMap{idMap(0, own+10, 2), idMap(3, own+12, 2)}},
		{0, own + 10, 5, 4, []nsenter.IDMap{idMap(0, own+10, 4)}},
		{0, own + 10, 5, 5, []nsenter.IDMap{idMap(0, own+10, 5)}},
		{7, own + 10, 5, 3, []nsenter.IDMap{idMap(7, own+10, 5)}},
		{0, own, 5, 0, []nsenter.IDMap{idMap(1, own+1, 4)}},
		{1, own, 5, 0, []nsenter.IDMap{idMap(1, own+1, 4)}},
	} {
		var cmd nsenter.Cmd
		cmd.MapUser(test.own)
		cmd.MapRanges([]nsenter.IDMap{idMap(test.inside, test.outside, test.size)}, nil)
		if got := cmd.New.UIDMappings[1:]; !slices.Equal(got, test.want) {
			t.Errorf("%+v: got %v", test, got)
		}
	}
}

func TestMapRangesOfRoot(t *testing.T) {
	testutil.NeedRoot(t)
	baseline(t)
	cmd := nsenter.Command(nil, "/bin/sh", "-c", showMaps+" /proc/self/setgroups")
	cmd.MapRoot()
	cmd.MapRanges([]nsenter.IDMap{idMap(0, 100000, 10)}, []nsenter.IDMap{idMap(0, 200000, 10), idMap(50, 300000, 5)})
	wantSays(t, cmd, "0 0 1 1 100000 9 0 0 1 1 200000 9 50 300000 5 allow")
}

// Every id there is, as it is: here, and below a target that has some only.
func TestMapAllIDs(t *testing.T) {
	if !inUserNamespace(t) {
		return
	}
	baseline(t)
	mapAllIDs(t, nsenter.Command(nil, "/bin/sh", "-c", showMaps), "0 0 1")
}

func TestMapAllIDsOfRoot(t *testing.T) {
	testutil.Needs(t, "pidfd_open") // to know the process whose map to read
	testutil.NeedRoot(t)
	baseline(t)
	mapAllIDs(t, nsenter.Command(nil, "/bin/sh", "-c", showMaps), "0 0 4294967295")
	cmd := nsenter.Command(nil, "/bin/sh", "-c", showMaps)
	cmd.MapUser(5)
	cmd.MapGroup(5)
	mapAllIDs(t, cmd, "5 0 1 0 1 5 6 6 4294967289")
	target := testutil.Target(t, testutil.AllTypes)
	mapAllIDs(t, nsenter.Command(setOf(t, target.PID, ns.All), "/bin/sh", "-c", showMaps), "0 0 65536")
}

func mapAllIDs(t *testing.T, cmd *nsenter.Cmd, lines string) {
	t.Helper()
	uids, gids, err := cmd.ParentIDs()
	if err != nil {
		t.Fatal(err)
	}
	cmd.MapRanges(uids, gids)
	wantSays(t, cmd, strings.Join([]string{lines, lines}, " "))
}
