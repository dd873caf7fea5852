//go:build linux && cgo

package attack

import (
	"bytes"
	"os"
	"os/exec"
	"path/filepath"
	"regexp"
	"slices"
	"strings"
	"testing"

	"nsexec/internal/testutil"
)

// mark is in every weakened build, and said by it when it starts.
const mark = "a weakened build, for tests"

func holdsMark(t *testing.T, path string) bool {
	t.Helper()
	text, err := os.ReadFile(path)
	if err != nil {
		t.Fatal(err)
	}
	return bytes.Contains(text, []byte("nsexec: "+mark))
}

// A build without tags has nothing of what weakens: not in its objects, and not by the flags that it is compiled with.
func TestNormalBuildIsNotWeak(t *testing.T) {
	testutil.NeedRoot(t) // who builds the other one
	normal := programOf(t, "")
	weak := programOf(t, "late")
	if holdsMark(t, normal) || !holdsMark(t, weak) {
		t.Errorf("the mark: normal build %v, weakened build %v", holdsMark(t, normal), holdsMark(t, weak))
	}
	out, err := exec.Command(weak, "version").CombinedOutput()
	if err != nil || !strings.Contains(string(out), mark) {
		t.Errorf("a weakened build does not say so: %v, %s", err, out)
	}
}

// programOf is the command, built with that weakness or with none. (This test holds the mark's text itself.)
func programOf(t *testing.T, weakness string) string {
	t.Helper()
	path := filepath.Join(newDir(t), "nsexec")
	arg := []string{"build", "-buildvcs=false", "-o", path}
	if weakness != "" {
		arg = append(arg, "-tags", "nsexec_weak_"+weakness)
	}
	cmd := exec.Command("go", append(arg, "./cmd/nsexec")...)
	cmd.Dir, cmd.Env = "../..", append(os.Environ(), "CGO_ENABLED=1")
	if out, err := cmd.CombinedOutput(); err != nil {
		t.Fatalf("%v: %v: %s", cmd, err, out)
	}
	return path
}

// Every weakness has a tag, a default of none, and an attack that succeeds by it.
func TestWeaknessesAreUsed(t *testing.T) {
	names := map[string][]string{}
	for file, pattern := range map[string]string{
		"../../nsenter/weak.h":  `#define WEAK_([A-Z]+) 0\n`,
		"../../nsenter/weak.go": `#cgo nsexec_weak_[a-z]+ CFLAGS: -DWEAK_([A-Z]+)=1\n`,
	} {
		text, err := os.ReadFile(file)
		if err != nil {
			t.Fatal(err)
		}
		for _, found := range regexp.MustCompile(pattern).FindAllStringSubmatch(string(text), -1) {
			names[file] = append(names[file], strings.ToLower(found[1]))
		}
	}
	want := slices.Sorted(slices.Values(append(slices.Clone(together), "bind")))
	for file, got := range names {
		if !slices.Equal(got, want) {
			t.Errorf("%s has %v, want %v", file, got, want)
		}
	}
	sources, err := filepath.Glob("*_test.go")
	if err != nil {
		t.Fatal(err)
	}
	var all strings.Builder
	for _, source := range sources {
		text, err := os.ReadFile(source)
		if err != nil {
			t.Fatal(err)
		}
		all.Write(text)
	}
	for _, name := range want {
		if !regexp.MustCompile(`weak: +\[\]string\{[^}]*\b` + name + `\b`).MatchString(all.String()) {
			t.Errorf("no attack succeeds by %q", name)
		}
	}
}
