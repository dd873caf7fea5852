//go:build linux && cgo

package attack

import (
	"fmt"
	"io"
	"os"
	"os/exec"
	"path/filepath"
	"strings"
	"testing"
)

// What all tests share: where they build, and what is built once.
var (
	workshop string // a directory that everybody may search
	evil     string // the static program of testdata/evil
	loader   string // what it has for a dynamic loader
	callers  = map[string]string{}
)

// prepare compiles the hostile programs. The normal build of a caller is the test itself.
func prepare(dir string) error {
	workshop = dir
	evil, loader = filepath.Join(dir, "evil"), filepath.Join(dir, "loader")
	sources, err := filepath.Glob("testdata/evil/*.c")
	if err != nil {
		return err
	}
	var parts []string
	for _, source := range sources {
		if filepath.Base(source) != "loader.c" {
			parts = append(parts, source)
		}
	}
	if err := compile(evil, append(parts, "-static", "-I../../nsenter")...); err != nil {
		return err
	}
	err = compile(loader, "testdata/evil/loader.c",
		"-nostdlib", "-static-pie", "-fPIE", "-ffreestanding", "-fno-stack-protector")
	if err != nil {
		return err
	}
	callers[""] = filepath.Join(dir, "caller")
	return copyFile(callers[""], "/proc/self/exe")
}

func compile(out string, arg ...string) error {
	cmd := exec.Command("gcc", append([]string{"-D_GNU_SOURCE", "-O1", "-Wall", "-Wextra", "-Werror", "-o", out}, arg...)...)
	if text, err := cmd.CombinedOutput(); err != nil {
		return fmt.Errorf("compile %s: %w: %s", filepath.Base(out), err, text)
	}
	return nil
}

// together are the weaknesses that one build can have at once: to drop more protections than one does not help the
// others. That is quicker than a build for each, which make attack does.
var together = []string{
	"cwd", "dumpable", "environ", "executable", "files", "groups", "here", "inert", "inheritable", "late", "malformed",
	"mode", "procfs", "session", "variable", "workers",
}

// weakened is a caller without that protection.
func weakened(t *testing.T, weakness string) string {
	t.Helper()
	names := strings.Split(weakness, ",")
	if !full && weakness != "bind" {
		names = together
	}
	key := strings.Join(names, "-")
	if path, ok := callers[key]; ok {
		return path
	}
	path := filepath.Join(workshop, "caller-"+key)
	tags := "nsexec_weak_" + strings.Join(names, ",nsexec_weak_")
	cmd := exec.Command("go", "test", "-c", "-tags", tags, "-o", path, ".")
	cmd.Env = append(os.Environ(), "CGO_ENABLED=1")
	if out, err := cmd.CombinedOutput(); err != nil {
		t.Fatalf("%v: %v\n%s", cmd, err, out)
	}
	callers[key] = path
	return path
}

// copyFile makes a copy that everybody may write to: permissions are not what protects an executable here.
func copyFile(to, from string) error {
	r, err := os.Open(from)
	if err != nil {
		return err
	}
	defer r.Close()
	w, err := os.OpenFile(to, os.O_CREATE|os.O_WRONLY|os.O_TRUNC, 0o777)
	if err != nil {
		return err
	}
	_, err = io.Copy(w, r)
	if closeErr := w.Close(); err == nil {
		err = closeErr
	}
	if err == nil {
		err = os.Chmod(to, 0o777)
	}
	return err
}
