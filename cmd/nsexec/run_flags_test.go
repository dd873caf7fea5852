//go:build linux && cgo

package main

import (
	"strings"
	"testing"
	"time"

	"github.com/spf13/pflag"

	"nsexec/ns"
	"nsexec/nsenter"
)

func parseRunFlags(line string) (*execFlags, []string, error) {
	f := execFlags{create: new(createFlags)}
	flags := pflag.NewFlagSet("run", pflag.ContinueOnError)
	f.addRun(flags)
	program, err := f.parseRun(flags, strings.Fields(line))
	return &f, program, err
}

func TestRunFlagsThatCreate(t *testing.T) {
	for _, test := range []struct {
		line    string
		types   ns.Type
		program string
	}{
		{"", 0, ""},
		{"id -u", 0, "id -u"},
		{"-m -u -i -n -p -U -C -T", ns.All, ""},
		{"-muinpUCTf id -m", ns.All, "id -m"},
		{"--mount --uts --ipc --net --pid --user --cgroup --time --fork -- id", ns.All, "id"},
		{"-r", ns.User, ""},
		{"-c", ns.User, ""},
		{"--map-auto", ns.User, ""},
		{"--map-users 0:1:2", ns.User, ""},
		{"--map-groups 0:1:2", ns.User, ""},
		{"--mount-proc -p ps", ns.PID | ns.Mount, "ps"},
		{"-rT --boottime -5 id", ns.User | ns.Time, "id"},
	} {
		f, program, err := parseRunFlags(test.line)
		if err != nil {
			t.Errorf("%q: %v", test.line, err)
			continue
		}
		if got := f.create.types(); got != test.types || strings.Join(program, " ") != test.program {
			t.Errorf("%q: creates %v and runs %q", test.line, got, program)
		}
	}
}

// What is joined is written as exec writes it: see given.
func TestRunFlagsThatJoin(t *testing.T) {
	for line, want := range map[string]string{
		"-t 7 --join mnt,net":           "m n",
		"-t 7 --join mount --join user": "m U",
		"--join net=/a,uts=/b":          "u=/b n=/a",
		"-t 7 --join pid,net=/a":        "n=/a p",
	} {
		f, _, err := parseRunFlags(line)
		if err != nil || f.given() != want || f.all {
			t.Errorf("%q: joins %q (all: %v), want %q; %v", line, f.given(), f.all, want, err)
		}
	}
	for _, line := range []string{"-t 7", "-t 7 --join all", "-t 7 --join all,net=/a"} {
		if f, _, err := parseRunFlags(line); err != nil || !f.all {
			t.Errorf("%q: %v", line, err)
		}
	}
}

func TestRunFlagsOfMapsAndClocks(t *testing.T) {
	f, _, err := parseRunFlags("--map-users 0:1000:1 --map-users 100000,1,65536 --map-groups 5:6:7 -T --monotonic 1.5 --boottime -36h")
	if err != nil {
		t.Fatal(err)
	}
	users := []nsenter.IDMap{{ContainerID: 0, HostID: 1000, Size: 1}, {ContainerID: 1, HostID: 100000, Size: 65536}}
	if c := f.create; len(c.users) != 2 || c.users[0] != users[0] || c.users[1] != users[1] || len(c.groups) != 1 ||
		time.Duration(c.monotonic) != 1500*time.Millisecond || time.Duration(c.boottime) != -36*time.Hour {
		t.Errorf("parsed as %+v", c)
	}
}

func TestRunFlagsRefused(t *testing.T) {
	for line, says := range map[string]string{
		"--join mnt":                  "--join: no target",
		"--join all":                  "--join: no target",
		"-t 7 --join net=/a":          "nothing of it is asked for",
		"-t 7 --join nonsense":        "invalid namespace type",
		"-t 7 --join net=":            "empty path",
		"-t 0":                        "not a process id",
		"-rc":                         "exclude each other",
		"--setgroups deny":            "no new user namespace",
		"-r --setgroups maybe":        "want allow, deny",
		"--propagation slave":         "no new mnt namespace",
		"-m --propagation upwards":    "want private, slave, shared, unchanged",
		"--monotonic 1":               "no new time namespace",
		"-T --boottime soon":          "not seconds",
		"-T --boottime 10000000000":   "not seconds",
		"--init":                      "no new pid namespace",
		"--hostname x":                "no new uts namespace",
		"--map-users 1:2":             "want INNER:OUTER:COUNT",
		"--map-users 1:2:x":           "not a number",
		"--map-users -1:2:3":          "not a number",
		"--map-groups 0:0:4294967296": "not a number",
		"-R":                          "needs an argument",
		"--root=":                     "empty path",
		"-m=/file":                    "invalid argument",
		"--kill-child=SIGTERM":        "invalid argument",
		"-S -1":                       "not an id",
		"--nonsense":                  "unknown flag",
	} {
		_, _, err := parseRunFlags(line)
		if err == nil || !strings.Contains(err.Error(), says) || !strings.Contains(err.Error(), "(see nsexec run --help)") {
			t.Errorf("%q: error %v, want one that says %q", line, err, says)
		}
	}
}
