//go:build linux && cgo

package nsenter_test

import (
	"strconv"
	"testing"

	"nsexec/internal/testutil"
	"nsexec/ns"
)

// below creates namespaces on top of those of a target.
func below(t *testing.T, joined, created ns.Type) *payload {
	t.Helper()
	target := testutil.Target(t, uint64(joined))
	set := setOf(t, target.PID, ns.Type(target.Types))
	p := enter(t, creatingBelow(set, created, sayPIDAndWait))
	checkCreated(t, p.Process.Pid, target.PID, created)
	checkIdentity(t, p)
	return p
}

func TestCreateBelow(t *testing.T) {
	baseline(t)
	for name, test := range map[string]struct{ joined, created ns.Type }{
		"pid below pid":              {ns.PID, ns.PID},
		"pid below pid of a user":    {ns.PID | ns.User, ns.PID},
		"user in user":               {ns.User, ns.User},
		"user in user, pid in pid":   {ns.User | ns.PID, ns.User | ns.PID},
		"everything in user":         {ns.User, ns.All},
		"everything in everything":   {ns.All, ns.All},
		"time on time":               {ns.User | ns.Time, ns.Time},
		"user where the net is not":  {ns.User, ns.User | ns.Net},
		"mount on mount":             {ns.User | ns.Mount, ns.Mount},
		"user on top of all but":     {ns.All &^ ns.User, ns.User},
		"all but user on top of all": {ns.All, ns.All &^ ns.User},
	} {
		t.Run(name, func(t *testing.T) { below(t, test.joined, test.created) })
	}
}

// PROBLEMS 22: three levels deep, it has a pid in each, and in its own it is the first.
func TestProblem22PidsThreeLevelsDeep(t *testing.T) {
	baseline(t)
	depth := len(statusOf(t, testutil.Target(t, 0).PID, "NSpid"))
	first := testutil.Target(t, testutil.AllTypes)
	second := enter(t, creatingBelow(setOf(t, first.PID, ns.All), ns.PID|ns.User, sayPIDAndWait))
	third := enter(t, creatingBelow(setOf(t, second.Process.Pid, ns.All), ns.PID|ns.User, sayPIDAndWait))
	pids := statusOf(t, third.Process.Pid, "NSpid")
	if len(pids) != depth+3 || pids[0] != strconv.Itoa(third.Process.Pid) || pids[len(pids)-1] != "1" || third.inner != 1 {
		t.Errorf("pids are %v, the payload's own is %d", pids, third.inner)
	}
	checkIdentity(t, third)
}
