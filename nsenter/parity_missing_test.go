//go:build linux && cgo

package nsenter_test

import (
	"errors"
	"io/fs"
	"os"
	"os/exec"
	"path/filepath"
	"strings"
	"syscall"
	"testing"

	"nsexec/internal/testutil"
	"nsexec/nsenter"
)

// wantCause asserts why a program did not start; that it did not run is no ExitError.
func wantCause(t *testing.T, what string, err, cause error) {
	t.Helper()
	if !errors.Is(err, cause) {
		t.Errorf("%s: error is %v, want %v", what, err, cause)
	}
	if exit := (*exec.ExitError)(nil); errors.As(err, &exit) {
		t.Errorf("%s: %v is an ExitError", what, err)
	}
}

func TestParityCannotRun(t *testing.T) {
	dir := openDir(t)
	path := func(name string) string { return filepath.Join(dir, name) }
	writeFile(t, path("script"), "#!/bin/sh\n", 0o755)
	writeFile(t, path("plain"), "#!/bin/sh\n", 0o644)
	writeFile(t, path("garbage"), "\x01\x02\x03", 0o755)
	writeFile(t, path("empty"), "", 0o755)
	writeFile(t, path("astray"), "#!/no/such/interpreter\n", 0o755)
	if err := os.Symlink("loop", path("loop")); err != nil {
		t.Fatal(err)
	}
	everyWay(t, func(t *testing.T, w *way) {
		for _, test := range []struct {
			path, dir string
			cause     error
		}{
			{"/no/such/program", "", fs.ErrNotExist},
			{"./no-such-program", dir, fs.ErrNotExist},
			{"no/such/program", dir, fs.ErrNotExist},
			{path("script/below"), "", syscall.ENOTDIR},
			{dir, "", fs.ErrPermission},
			{".", dir, nil},
			{"..", dir, nil},
			{"/", "", nil},
			{path("plain"), "", fs.ErrPermission},
			{path("garbage"), "", syscall.ENOEXEC}, // and no shell is tried
			{path("empty"), "", syscall.ENOEXEC},
			{path("astray"), "", fs.ErrNotExist},
			{path("loop"), "", syscall.ELOOP},
			{path(strings.Repeat("n", 300)), "", syscall.ENAMETOOLONG},
			{"/bin/true", "/no/such/directory", fs.ErrNotExist},
			{"/bin/true", path("script"), syscall.ENOTDIR},
			{"no-such-program-anywhere", "", exec.ErrNotFound},
		} {
			c := w.command(test.path)
			*c.Dir = test.dir
			err := c.Run()
			if test.cause == nil { // what kind of error is no promise
				test.cause = err
			}
			wantCause(t, test.path+" in "+test.dir, err, test.cause)
			if err == nil || *c.Process != nil || *c.ProcessState != nil {
				t.Errorf("%s: error %v, process %v", test.path, err, *c.Process)
			}
		}
	})
}

// A directory that the user may not enter.
func TestParityClosedDir(t *testing.T) {
	testutil.NeedUser(t)
	dir := t.TempDir()
	if err := os.Chmod(dir, 0); err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() { _ = os.Chmod(dir, 0o700) })
	everyWay(t, func(t *testing.T, w *way) {
		if w.joins() {
			return // as root of a user namespace that the owner is mapped in one may enter
		}
		c := w.command("/bin/true")
		*c.Dir = dir
		wantCause(t, "closed directory", c.Run(), fs.ErrPermission)
		wantCause(t, "program in it", w.command(dir+"/true").Run(), fs.ErrPermission)
	})
}

// A file system mounted noexec.
func TestParityNoexec(t *testing.T) {
	testutil.NeedRoot(t)
	dir := openDir(t)
	if err := syscall.Mount("tmpfs", dir, "tmpfs", 0, "mode=0755"); err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() {
		if err := syscall.Unmount(dir, 0); err != nil {
			t.Error(err)
		}
	})
	script := writeFile(t, filepath.Join(dir, "script"), "#!/bin/sh\necho runs\n", 0o755)
	everyWay(t, func(t *testing.T, w *way) { wantOutput(t, w.command(script), "runs\n") })
	if err := syscall.Mount("", dir, "", syscall.MS_REMOUNT|syscall.MS_NOEXEC, ""); err != nil {
		t.Fatal(err)
	}
	everyWay(t, func(t *testing.T, w *way) {
		wantCause(t, "on noexec", w.command(script).Run(), fs.ErrPermission)
	})
}

// What is so already needs no privilege: one's own uid, with the groups left alone.
func TestParityOwnCredential(t *testing.T) {
	c := nsenter.Command(nil, "/bin/true")
	c.Credential = &nsenter.Credential{UID: os.Getuid(), GID: nsenter.Unchanged}
	if err := c.Run(); err != nil {
		t.Error(err)
	}
}
