//go:build linux && cgo

package main

import (
	"strings"
	"syscall"
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
		{"--map-users auto --map-users all", ns.User, ""},
		{"--map-user 5 id", ns.User, "id"},
		{"--map-group=root id", ns.User, "id"},
		{"--map-subids", ns.User, ""},
		{"--mount-proc=/a ps", ns.Mount, "ps"},
		{"--kill-child id", 0, "id"},
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
	m := f.create.maps.users
	if c := f.create; len(m) != 2 || m[0].ids != users[0] || m[1].ids != users[1] || len(c.maps.groups) != 1 ||
		time.Duration(c.monotonic) != 1500*time.Millisecond || time.Duration(c.boottime) != -36*time.Hour {
		t.Errorf("parsed as %+v", c)
	}
}

// The last one counts, as with unshare(1).
func TestRunFlagsOfOwnID(t *testing.T) {
	for line, want := range map[string][2]int{
		"-r": {0, 0}, "-c": {currentID, currentID}, "-rc": {currentID, currentID}, "-cr": {0, 0}, "-U": {noID, noID},
		"-r --map-user 5": {5, 0}, "--map-group 5 --map-user root": {0, 5}, "--map-user 7 -r": {0, 0}, "-c --map-group=1": {currentID, 1},
	} {
		f, _, err := parseRunFlags(line)
		if err != nil || f.create.maps.user != want[0] || f.create.maps.group != want[1] {
			t.Errorf("%q: %+v, %v", line, f.create.maps, err)
		}
	}
}

func TestRunFlagsOfKillChild(t *testing.T) {
	for value, want := range map[string]syscall.Signal{
		"": syscall.SIGKILL, "=TERM": syscall.SIGTERM, "=SIGTERM": syscall.SIGTERM, "=sigusr1": syscall.SIGUSR1, "=15": syscall.SIGTERM,
		"=40": 40,
	} {
		f, _, err := parseRunFlags("--kill-child" + value)
		if err != nil || !f.create.killChild.given || f.create.killChild.signal != want {
			t.Errorf("%q: %+v, %v", value, f.create.killChild, err)
		}
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
		"--map-users none":            "auto, subids or all",
		"--map-user nobody-knows":     "no name that is known",
		"--map-group -1":              "not an id",
		"--map-user 4294967295":       "not an id",
		"--owner 0":                   "no new user namespace",
		"-U --owner 0:nobody-knows":   "no name that is known",
		"--keep-caps":                 "no new user namespace",
		"--domainname x":              "no new uts namespace",
		"--loopback":                  "no new net namespace",
		"--mount-proc=":               "empty path",
		"-R":                          "needs an argument",
		"--root=":                     "empty path",
		"-m=/file":                    "invalid argument",
		"--kill-child=SIGNONE":        "not a signal",
		"--kill-child=0":              "not a signal",
		"--kill-child=65":             "not a signal",
		"-S -1":                       "not an id",
		"--nonsense":                  "unknown flag",
	} {
		_, _, err := parseRunFlags(line)
		if err == nil || !strings.Contains(err.Error(), says) || !strings.Contains(err.Error(), "(see nsexec run --help)") {
			t.Errorf("%q: error %v, want one that says %q", line, err, says)
		}
	}
}
