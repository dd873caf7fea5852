//go:build linux && cgo

package main

import (
	"os"
	"os/exec"
	"path/filepath"
	"strings"
	"testing"

	"nsexec/internal/testutil"
	"nsexec/nsenter"
)

func TestMain(m *testing.M) {
	if nsenter.Init() {
		return
	}
	os.Exit(m.Run())
}

// TestCompare takes three turns of everything, and finds all of it on the page.
func TestCompare(t *testing.T) {
	testutil.NeedRoot(t)
	for _, tool := range []string{"go", "gcc", "nsenter", "unshare"} {
		if _, err := exec.LookPath(tool); err != nil {
			testutil.Skipf(t, "%s is not installed", tool)
		}
	}
	docs := t.TempDir()
	b := &bench{rounds: 3, gib: 1, runtimes: []string{"runc"}}
	if err := b.compare(docs); err != nil {
		t.Fatal(err)
	}
	page, err := os.ReadFile(filepath.Join(docs, "benchmarks.md"))
	if err != nil {
		t.Fatal(err)
	}
	for _, want := range []string{"| launcher / os/exec | ≤ 1.10 |", "| nsenter(1) |", "| Func.Call by launcher |",
		"| unshare(1) |", "| Wait returns |", "| runc exec / launcher | ≥ 15.00 |"} {
		if !strings.Contains(string(page), want) {
			t.Errorf("the page has no %q", want)
		}
	}
	for _, name := range []string{"ways", "namespaces", "heap", "concurrency"} {
		if !strings.Contains(string(page), "(benchmarks/"+name+".svg)") {
			t.Errorf("the page does not show the plot %s", name)
		}
		if _, err := os.Stat(filepath.Join(docs, "benchmarks", name+".svg")); err != nil {
			t.Error(err)
		}
	}
}
