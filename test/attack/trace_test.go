//go:build linux && cgo

package attack

import (
	"strconv"
	"testing"

	"nsexec/internal/testutil"
)

// Root of a user namespace who has no CAP_SYS_PTRACE there never may: until exec a stage has more capabilities in there.
//
// Everything that wants the right to trace, tried on everything that comes in, by root and by the user that every
// other payload is to be.
func TestTrace(t *testing.T) {
	a := attack{
		name: "trace what enters: its memory, files and directories", cve: "CVE-2016-9962, CVE-2016-8649",
		weak: []string{"dumpable"}, prove: []kind{rootKind, adminKind}, tool: true, try: traceEntering,
	}
	a.run(t)
}

func traceEntering(t *testing.T, s *scene) string {
	uid := 0
	if testutil.Who() == testutil.Root { // others have one id only
		uid = 1000
	}
	attacker := s.attack(t, "trace", s.title(), strconv.Itoa(uid))
	joins := many(60, 850) // by two ways and six kinds of target: 10,000
	told := s.enter(t, orders{Program: []string{"/bin/true"}, Joins: joins, UID: uid, Pause: true})
	told.wantAll(t, joins)
	return attacker.won()
}
