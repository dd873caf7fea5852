//go:build linux && cgo

package main

import (
	"slices"
	"strings"
	"testing"

	"github.com/spf13/pflag"

	"nsexec/ns"
	"nsexec/nsenter"
)

func parseFlags(line string) (*execFlags, []string, error) {
	var f execFlags
	flags := pflag.NewFlagSet("exec", pflag.ContinueOnError)
	f.add(flags)
	program, err := f.parse(flags, strings.Fields(line))
	return &f, program, err
}

// given lists the namespace flags by their letters, with their files: "m n=/file".
func (f *execFlags) given() string {
	var all []string
	for _, n := range namespaceFlags {
		switch o := f.namespaces[n.t]; {
		case o.ofTarget():
			all = append(all, n.short)
		case o.given:
			all = append(all, n.short+"="+o.path)
		}
	}
	return strings.Join(all, " ")
}

func TestFlagsThatNameNamespaces(t *testing.T) {
	for _, test := range []struct{ line, given, program string }{
		{"-t 1 -m sh -c", "m", "sh -c"},
		{"-t1 -munip", "m u i n p", ""},
		{"-munipUCT -t1 id -u", "m u i n p U C T", "id -u"},
		{"-mut1 id", "m u", "id"},
		{"-mut 1 id", "m u", "id"},
		{"--target 1 --mount --uts --ipc --net --pid --user --cgroup --time id", "m u i n p U C T", "id"},
		{"--target=1 -m id", "m", "id"},
		{"-m=/file id", "m=/file", "id"},
		{"-m/file id", "m=/file", "id"},
		{"-m=file id", "m=file", "id"},
		{"--mount=/file id", "m=/file", "id"},
		{"-t1 -un/run/netns/a=b id", "u n=/run/netns/a=b", "id"},
		{"-t 1 -m file", "m", "file"},
		{"-t1 -m -m/file", "m=/file", ""},
		{"-t1 -m/file -m", "m", ""},
		{"-n/a -p/b -- -m/c", "n=/a p=/b", "-m/c"},
		{"-n/a prog -m/c -n", "n=/a", "prog -m/c -n"},
		{"-t 1 -W -m/a -n prog", "n", "prog"},
		{"-t 1 -n/a", "n=/a", ""},
		{"--wdns -m/a -n/b prog -i/c", "n=/b", "prog -i/c"},
		{"-S 0 -n/b - -m/c", "n=/b", "- -m/c"},
		{"", "", ""},
		{"id", "", "id"},
	} {
		f, program, err := parseFlags(test.line)
		if err != nil {
			t.Errorf("%q: %v", test.line, err)
			continue
		}
		if got := f.given(); got != test.given {
			t.Errorf("%q: namespaces %q, want %q", test.line, got, test.given)
		}
		if got := strings.Join(program, " "); got != test.program {
			t.Errorf("%q: program %q, want %q", test.line, got, test.program)
		}
	}
}

func TestFlagsOfTheProgram(t *testing.T) {
	f, program, err := parseFlags("-t 7 -a -S5 -G=6 -r/root -w=/wd -e -F -v --preserve-credentials --report-fd 3 id")
	if err != nil {
		t.Fatal(err)
	}
	if f.target != 7 || !f.all || f.uid != 5 || f.gid != 6 || f.root.path != "/root" || f.wd.path != "/wd" ||
		!f.env || !f.noFork || !f.verbose || !f.preserve || f.reportFD != 3 || !slices.Equal(program, []string{"id"}) {
		t.Errorf("parsed as %+v, program %v", f, program)
	}
	f, _, err = parseFlags("-t 7 -r -w")
	if err != nil || !f.root.ofTarget() || !f.wd.ofTarget() || f.uid != nsenter.Unchanged || f.reportFD != -1 {
		t.Errorf("parsed as %+v, error %v", f, err)
	}
}

func TestFlagsRefused(t *testing.T) {
	for line, says := range map[string]string{
		"-a":             "--all: no target",
		"-m id":          "--mount: no target",
		"-n/a -i":        "--ipc: no target",
		"-r":             "--root: no target",
		"-w":             "--wd: no target",
		"-e":             "--env: no target",
		"-t 0 -m":        "not a process id",
		"-t -1 -m":       "not a process id",
		"-t x -m":        "invalid",
		"-t 1":           "nothing of it is asked for",
		"-t 1 -S 5 id":   "nothing of it is asked for",
		"-t":             "needs an argument",
		"--net=":         "empty path",
		"-t1 -w -W /":    "exclude each other",
		"-S -1":          "not an id",
		"-S 4294967295":  "not an id",
		"-G users":       "not an id",
		"-x":             "unknown shorthand flag",
		"--nonsense":     "unknown flag",
		"-mx -t1":        "unknown shorthand flag: 'x'",
		"--report-fd x":  "invalid",
		"-t1 -v=perhaps": "invalid",
	} {
		_, _, err := parseFlags(line)
		if err == nil || !strings.Contains(err.Error(), says) || !strings.Contains(err.Error(), "--help") {
			t.Errorf("%q: error %v, want one that says %q", line, err, says)
		}
	}
}

func TestEveryTypeHasAFlag(t *testing.T) {
	var all ns.Type
	for _, n := range namespaceFlags {
		all |= n.t
	}
	if all != ns.All {
		t.Errorf("flags for %v", all)
	}
}

func TestHelpTellsEveryFlag(t *testing.T) {
	checkHelp(t, newExecCmd().Flags(), execHelp)
	checkHelp(t, newRunCmd().Flags(), runHelp)
}

func checkHelp(t *testing.T, flags *pflag.FlagSet, help string) {
	t.Helper()
	flags.VisitAll(func(flag *pflag.Flag) {
		name := "--" + flag.Name
		if flag.Shorthand != "" {
			name = "-" + flag.Shorthand + ", " + name
		}
		if !strings.Contains(help, "  "+name) {
			t.Errorf("%s is not in the help", name)
		}
	})
	for line := range strings.Lines(help) {
		if len(line) > 128 {
			t.Errorf("too long a line: %s", line)
		}
	}
}
