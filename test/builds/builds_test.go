//go:build linux

package builds

import (
	"os"
	"os/exec"
	"path/filepath"
	"testing"

	"nsexec/internal/testutil"
)

// Every way to link the program: the constructor must be there, and find that it is in the main executable.
func TestPrograms(t *testing.T) {
	c := newConsumer(t)
	static := "-ldflags=-linkmode=external -extldflags=-static"
	for name, test := range map[string]struct {
		env   []string
		flags []string
		tool  string // what it takes beside gcc
		whole bool   // see compilesWhole
	}{
		"plain":       {},
		"stripped":    {flags: []string{"-trimpath", "-ldflags=-s -w"}, whole: true},
		"race":        {flags: []string{"-race"}, whole: true},
		"pie":         {flags: []string{"-buildmode=pie"}, whole: true},
		"static":      {flags: []string{"-tags=netgo,osusergo", static}},
		"static-pie":  {flags: []string{"-buildmode=pie", "-tags=netgo,osusergo", static + "-pie"}, whole: true},
		"clang":       {env: []string{"CC=clang"}, tool: "clang"},
		"musl":        {env: []string{"CC=musl-gcc"}, flags: []string{"-ldflags=-linkmode=external"}, tool: "musl-gcc"},
		"musl-static": {env: []string{"CC=musl-gcc"}, flags: []string{"-tags=netgo,osusergo", static}, tool: "musl-gcc"},
		"gold":        {flags: []string{"-ldflags=-linkmode=external -extldflags=-fuse-ld=gold"}, tool: "ld.gold"},
		"lld":         {env: []string{"CC=clang"}, flags: []string{"-ldflags=-linkmode=external -extldflags=-fuse-ld=lld"}, tool: "ld.lld"},
	} {
		t.Run(name, func(t *testing.T) {
			if test.whole {
				compilesWhole(t)
			}
			if _, err := exec.LookPath(test.tool); test.tool != "" && err != nil {
				testutil.Skipf(t, "%s is not installed", test.tool)
			}
			c.checkJoins(t, c.build(t, test.env, name, ".", test.flags...))
		})
	}
}

// go mod vendor leaves out folders without Go files: the C code must not be in one.
func TestVendored(t *testing.T) {
	c := newConsumer(t)
	c.run(t, nil, "go", "mod", "vendor")
	if _, err := os.Stat(filepath.Join(c.dir, "vendor")); err != nil {
		t.Fatal(err)
	}
	c.checkJoins(t, c.build(t, []string{"GOFLAGS=-mod=vendor"}, "vendored", "."))
}

func TestWithoutCgo(t *testing.T) {
	c := newConsumer(t)
	program := c.build(t, []string{"CGO_ENABLED=0"}, "nocgo", ".")
	for _, cmd := range everybody(program) {
		c.checkUnavailable(t, cmd)
	}
}
