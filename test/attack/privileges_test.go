//go:build linux && cgo

package attack

import (
	"fmt"
	"os"
	"os/exec"
	"strings"
	"testing"

	"nsexec/internal/testutil"
)

// strayGroup is one of the caller's groups, that nobody else has.
const strayGroup = 54321

// behind is the caller, started by a program that gives it what it then has by inheritance.
func behind(t *testing.T, cmd *exec.Cmd, arg ...string) *exec.Cmd {
	t.Helper()
	path, err := exec.LookPath(arg[0])
	if err != nil {
		testutil.Skipf(t, "%s is not installed", arg[0])
	}
	cmd.Path, cmd.Args = path, append(arg, cmd.Path)
	return cmd
}

// A file of the target's that has inheritable capabilities would take them from whoever executes it.
func TestCapabilities(t *testing.T) {
	testutil.NeedRoot(t) // nobody else has any to leave
	a := attack{
		name: "inherit the caller's capabilities", cve: "CVE-2022-29162", weak: []string{"inheritable"},
		kinds: []kind{rootKind, runcKind, crunKind, podmanKind}, tool: true, try: inheritCapabilities,
	}
	a.run(t)
}

func inheritCapabilities(t *testing.T, s *scene) string {
	cmd := behind(t, s.command(orders{Program: []string{"/evil", "report"}, Joins: 2}),
		"setpriv", "--inh-caps=+net_raw,+chown", "--ambient-caps=+net_raw")
	told := s.run(t, cmd)
	told.wantAll(t, 2)
	for _, line := range told.Said {
		set, bits, _ := strings.Cut(line, ":")
		if (set == "CapInh" || set == "CapAmb") && strings.Trim(bits, "0 \t") != "" {
			return line
		}
	}
	if !told.says("CapInh:") || !told.says("CapAmb:") {
		t.Errorf("the payload said %q", told.Said)
	}
	return ""
}

// A group of the caller's is nobody's in the user namespace, but opens files all the same.
func TestGroups(t *testing.T) {
	testutil.NeedRoot(t) // whoever may not drop groups keeps them
	a := attack{
		name: "read by the caller's supplementary groups", cve: "CVE-2022-29162", weak: []string{"groups"},
		kinds: []kind{usernsKind, adminKind, deniedKind}, tool: true, try: useGroups,
	}
	a.run(t)
}

func useGroups(t *testing.T, s *scene) string {
	const file = "/tmp/of-the-group"
	s.target.write(t, file, "secret")
	if err := os.Chown(s.target.path(file), 0, strayGroup); err != nil {
		t.Fatal(err)
	}
	if err := os.Chmod(s.target.path(file), 0o040); err != nil {
		t.Fatal(err)
	}
	cmd := behind(t, s.command(orders{Program: []string{"/evil", "report", file}, Joins: 2}),
		"setpriv", fmt.Sprintf("--groups=%d", strayGroup))
	told := s.run(t, cmd)
	told.wantAll(t, 2)
	return told.won()
}
