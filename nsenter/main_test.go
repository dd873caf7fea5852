//go:build linux && cgo

package nsenter_test

import (
	"fmt"
	"io"
	"os"
	"path/filepath"
	"testing"
)

// zooVariable makes the test binary one of the programs of the zoo instead.
const zooVariable = "NSENTER_TEST_ZOO"

// zoo is the programs that tests run, as payloads or as callers of their own. Files that need one add it at init.
// What a program returns is its complaint, and exit status 1; other ends it makes itself.
var zoo = map[string]func(arg []string) error{}

// zooBinary is a copy of the test binary that every user may execute: go test's own directory is closed to the
// ids of a user namespace.
var zooBinary string

func TestMain(m *testing.M) {
	if name := zooName(); name != "" {
		os.Exit(runZoo(name))
	}
	os.Exit(runTests(m))
}

func runZoo(name string) int {
	program := zoo[name]
	if program == nil {
		fmt.Fprintf(os.Stderr, "no program %q in the zoo\n", name)
		return 2
	}
	if err := program(os.Args[1:]); err != nil {
		fmt.Fprintf(os.Stderr, "%s: %v\n", name, err)
		return 1
	}
	return 0
}

func runTests(m *testing.M) int {
	dir, err := os.MkdirTemp("", "nsenter-test-")
	if err == nil {
		defer os.RemoveAll(dir)
		zooBinary = filepath.Join(dir, "zoo")
		err = copyExecutable(zooBinary, "/proc/self/exe")
	}
	if err != nil {
		fmt.Fprintln(os.Stderr, err)
		return 1
	}
	return checkZooUsed(m.Run())
}

// copyExecutable makes a copy, and its directory one that everybody may search.
func copyExecutable(to, from string) error {
	if err := os.Chmod(filepath.Dir(to), 0o755); err != nil {
		return err
	}
	r, err := os.Open(from)
	if err != nil {
		return err
	}
	defer r.Close()
	w, err := os.OpenFile(to, os.O_CREATE|os.O_WRONLY|os.O_EXCL, 0o755)
	if err != nil {
		return err
	}
	if _, err := io.Copy(w, r); err != nil {
		w.Close()
		return err
	}
	return w.Close()
}

// zooEnv is an environment in which zooBinary is the named program.
func zooEnv(name string, more ...string) []string {
	return append(append(os.Environ(), zooVariable+"="+name), more...)
}
