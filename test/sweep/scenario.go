//go:build linux && cgo

package main

import (
	"fmt"
	"os"
	"slices"

	"golang.org/x/sys/unix"

	"nsexec/internal/nsfs"
	"nsexec/ns"
)

// six are what a container runtime makes by default.
const six = ns.Mount | ns.UTS | ns.IPC | ns.Net | ns.PID | ns.Cgroup

// scenario is one way to start a payload.
type scenario struct {
	Name     string
	Join     ns.Type // the target's
	Create   bool    // a user namespace with maps, on top of that
	Function bool
	Launcher launcherUse
	Rootless bool // by an ordinary user
}

type launcherUse int

const (
	oneShot  launcherUse = iota
	launched             // by a launcher that runs
	fresh                // by one that is started for it
)

// situations are those of an identity. Whoever has no privileges gets them from the target's user namespace, which is
// his own.
func situations() []scenario {
	rootless := scenario{Name: "rootless", Join: six | ns.User, Rootless: true}
	withUser := scenario{Name: "six and user", Join: six | ns.User}
	create := scenario{Name: "six, user created with maps", Join: six, Create: true}
	function := scenario{Name: "function in six", Join: six, Function: true}
	inPlace := scenario{Name: "without a pid namespace", Join: six &^ ns.PID} // no clone; a launcher's shares its memory
	switch {
	case os.Geteuid() != 0:
		create.Join, function.Join = six|ns.User, six|ns.User
		create.Name, function.Name = "six and user, user created with maps", "function in six and user"
		return []scenario{rootless, create, function}
	case isInitialUserns():
		return []scenario{{Name: "six", Join: six}, inPlace, withUser, create, function, rootless}
	}
	return []scenario{{Name: "six", Join: six}, inPlace, withUser, create, function}
}

// scenarios are the situations one-shot and by a launcher; and the start of one.
func scenarios() (all []scenario) {
	for _, s := range situations() {
		byLauncher := s
		byLauncher.Name, byLauncher.Launcher = s.Name+", launcher", launched
		all = append(all, s, byLauncher)
	}
	first := situations()[0]
	first.Name, first.Launcher = first.Name+", fresh launcher", fresh
	return append(all, first)
}

func scenarioNamed(name string) (*scenario, error) {
	all := scenarios()
	i := slices.IndexFunc(all, func(s scenario) bool { return s.Name == name })
	if i < 0 {
		return nil, fmt.Errorf("no scenario %q", name)
	}
	return &all[i], nil
}

func isInitialUserns() bool {
	var st unix.Stat_t
	return unix.Stat("/proc/self/ns/user", &st) == nil && st.Ino == nsfs.InitialUser
}

// bornInside tells whether a launcher clones stage 0 in the target's pid namespace, which needs privileges over its own.
func (s *scenario) bornInside() bool {
	return s.Launcher != oneShot && s.Join&ns.User == 0 && !s.Create && isInitialUserns()
}

// roles are the processes, in the order in which they come to be.
func (s *scenario) roles() (roles []Role) {
	if s.Launcher != oneShot {
		roles = append(roles, Launcher)
	}
	roles = append(roles, Stage0)
	if s.Create {
		roles = append(roles, Maker, Owner)
	}
	if s.Join&ns.PID != 0 && !s.bornInside() {
		roles = append(roles, Stage1)
	}
	return roles
}

func (s *scenario) payload() Role {
	roles := s.roles()
	return roles[len(roles)-1]
}

// firstPhase is what a process begins with: those that the caller starts execute the program again.
func (s *scenario) firstPhase(role Role) Phase {
	if role == s.roles()[0] {
		return Spawn
	}
	return Steps
}

// mapsMany tells whether a user namespace that is created has more ids than one.
func (s *scenario) mapsMany() bool { return os.Geteuid() == 0 && isInitialUserns() }
