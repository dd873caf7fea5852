//go:build linux && cgo

package attack

import (
	"fmt"
	"os"
	"path/filepath"
	"testing"
)

func TestStrayFiles(t *testing.T) {
	a := attack{name: "use the caller's open files", cve: "CVE-2024-21626", weak: []string{"files"}, tool: true, try: useStrayFiles}
	a.run(t)
}

func useStrayFiles(t *testing.T, s *scene) string {
	told := s.enter(t, orders{Program: []string{"/evil", "report"}, Joins: 3, StrayFrom: hostDir(t)})
	told.wantAll(t, 3)
	if won := told.won(); won != "" {
		return won
	}
	for fd := 3; fd < 200; fd++ {
		if told.says(fmt.Sprintf("fd %d", fd)) {
			return fmt.Sprintf("has fd %d", fd)
		}
	}
	if !told.says("cwd /") || !told.says("fd 2") || !told.says("done") {
		t.Errorf("the payload said %q", told.Said)
	}
	return ""
}

// hostDir is a directory that no target has, with a file to be found and a program to be run in it.
func hostDir(t *testing.T) string {
	t.Helper()
	dir := newDir(t)
	if err := os.WriteFile(filepath.Join(dir, "canary"), []byte("canary"), 0o644); err != nil {
		t.Fatal(err)
	}
	if err := copyFile(filepath.Join(dir, "program"), evil); err != nil {
		t.Fatal(err)
	}
	return dir
}

// numbers are those that a file of a stage's may have.
const firstNumber, lastNumber = 3, 24

// The working directory that is asked for leads out, through a file that is open on the way.
func TestDirectoryOutside(t *testing.T) {
	a := attack{name: "lead the working directory out, by /proc/self/fd", cve: "CVE-2024-21626", weak: []string{"cwd,files,here"}, tool: true, try: leadDirectoryOut}
	a.run(t)
}

func leadDirectoryOut(t *testing.T, s *scene) (won string) {
	dir := hostDir(t)
	for fd := firstNumber; fd <= lastNumber && won == ""; fd++ {
		told := s.enter(t, orders{
			Program: []string{"/evil", "report"}, Dir: fmt.Sprintf("/proc/self/fd/%d", fd), Joins: 1,
			StrayFrom: dir, MoveTo: dir,
		})
		won = told.won()
	}
	return won
}

// The same with the program: it would be one of the host's, with the caller's rights, and could be overwritten.
func TestProgramOutside(t *testing.T) {
	a := attack{name: "lead the program out, by /proc/self/fd", cve: "CVE-2024-21626", weak: []string{"files,here"}, tool: true, try: leadProgramOut}
	a.run(t)
}

func leadProgramOut(t *testing.T, s *scene) (won string) {
	dir := hostDir(t)
	for fd := firstNumber; fd <= lastNumber && won == ""; fd++ {
		name := fmt.Sprintf("bin/entry-%d", fd)
		s.target.link(t, name, fmt.Sprintf("/proc/self/fd/%d/program", fd))
		told := s.enter(t, orders{Program: []string{"/" + name}, Joins: 1, StrayFrom: dir, MoveTo: dir})
		won = told.won()
	}
	return won
}
