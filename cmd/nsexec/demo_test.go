//go:build linux && cgo

package main

import (
	"os"
	"os/exec"
	"strconv"
	"strings"
	"syscall"
	"testing"

	"nsexec/internal/testutil"
	"nsexec/ns"
)

// rows are the lines of the demo's first table: type, outside, target, payload, verdict.
func rows(out string) map[string][]string {
	found := make(map[string][]string)
	for line := range strings.Lines(out) {
		fields := strings.Fields(line)
		if len(fields) >= 5 {
			if t, err := ns.ParseType(fields[0]); err == nil {
				found[t.Name()] = append(fields[1:4:4], strings.Join(fields[4:], " "))
			}
		}
	}
	return found
}

func TestDemo(t *testing.T) {
	out := mustRun(t, command("demo"))
	table := rows(out)
	for name, inode := range testutil.Namespaces(t, os.Getpid()) {
		row := table[name]
		if row == nil {
			t.Errorf("no row for %s:\n%s", name, out)
			continue
		}
		if row[0] != strconv.FormatUint(inode, 10) || row[0] == row[1] || row[1] != row[2] || row[3] != "✓" {
			t.Errorf("%s: %v; ours is %d", name, row, inode)
		}
	}
	for _, text := range []string{"stage 0", "stage 1", "join user", "exec", "to itself"} {
		if !strings.Contains(out, text) {
			t.Errorf("%q is not in\n%s", text, out)
		}
	}
}

// Where namespaces cannot be made, as in most containers, the demo says so and goes on with the others.
func TestDemoWithLimits(t *testing.T) {
	for _, limited := range []string{"net", "user time", "mnt uts pid", "user cgroup ipc uts net pid mnt time"} {
		t.Run(limited, func(t *testing.T) {
			r := run(t, underLimits(command("demo"), limited))
			if r.status != 0 {
				t.Fatalf("status %#x: %s%s", uint32(r.status), r.stdout, r.stderr)
			}
			for name, row := range rows(r.stdout) {
				isLimited := strings.Contains(limited, name)
				if (row[0] == row[1]) != isLimited || row[1] != row[2] || strings.Contains(row[3], "shared") != isLimited {
					t.Errorf("%s: %v", name, row)
				}
			}
		})
	}
}

// underLimits runs cmd as root of a user namespace in which no namespaces of some types can be made.
func underLimits(cmd *exec.Cmd, types string) *exec.Cmd {
	const script = `for t in $1; do echo 0 >/proc/sys/user/max_${t}_namespaces || exit 99; done; shift; exec "$@"`
	limited := exec.Command("sh", append([]string{"-c", script, "sh", types, "/proc/self/exe"}, cmd.Args[1:]...)...)
	limited.Args[5], _ = os.Executable()
	limited.Env = cmd.Env
	limited.SysProcAttr = &syscall.SysProcAttr{
		Cloneflags:  syscall.CLONE_NEWUSER,
		UidMappings: []syscall.SysProcIDMap{{HostID: os.Geteuid(), Size: 1}},
		GidMappings: []syscall.SysProcIDMap{{HostID: os.Getegid(), Size: 1}},
	}
	return limited
}

func TestDemoSeesADifference(t *testing.T) {
	d := &demo{
		inside: map[ns.Type]uint64{ns.Net: 1, ns.UTS: 2, ns.PID: 3},
		seen:   sighting{Inodes: map[string]uint64{"net": 1, "uts": 5}, PIDs: []string{"7", "1"}},
	}
	if wrong := d.wrong(); wrong != ns.UTS|ns.PID {
		t.Errorf("wrong are %v", wrong)
	}
	var out strings.Builder
	if err := d.print(&out); err != nil {
		t.Fatal(err)
	}
	if n := strings.Count(out.String(), "✗"); n != 2 {
		t.Errorf("%d rows are marked:\n%s", n, out.String())
	}
}

// The target ends with the demo, however that ends.
func TestDemoTargetEndsWithItsStdin(t *testing.T) {
	cmd := command("demo-target")
	stdin, err := cmd.StdinPipe()
	if err != nil {
		t.Fatal(err)
	}
	if err := cmd.Start(); err != nil {
		t.Fatal(err)
	}
	stdin.Close()
	if err := cmd.Wait(); err != nil {
		t.Error(err)
	}
}
