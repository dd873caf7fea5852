//go:build linux && cgo

package nsenter_test

import (
	"bytes"
	"debug/elf"
	"io/fs"
	"os"
	"os/exec"
	"path/filepath"
	"strings"
	"testing"

	"golang.org/x/sys/unix"

	"nsexec/ns"
	"nsexec/nsenter"
)

// ofExecuting is the want of a program that could not be executed.
func ofExecuting(errno nsenter.Errno, path string, says ...string) whole {
	return whole{refusal: refusal{errno: errno, stage: nsenter.StagePayload, op: "exec", path: path}, says: says}
}

// program is a failure of a program that is a path, or a name.
func program(name, path string, want whole) failure {
	want.path = path[:min(len(path), 191)] // as much of it as a reply holds
	return failure{name: name, want: want, fails: func(_ *testing.T, command starter, _ *whole) error {
		return command(nil, path).Run()
	}}
}

// file is a failure of a program that is a file of this text.
func file(name, text string, mode os.FileMode, want whole) failure {
	return failure{name: name, want: want, fails: func(t *testing.T, command starter, want *whole) error {
		want.path = makeFile(t, "program", text, mode)
		return command(nil, want.path).Run()
	}}
}

var programFailures = []failure{
	program("no such program", "/no/such/program", ofExecuting(unix.ENOENT, "", "no such file or directory")),
	program("nowhere along PATH", "no-such-program", whole{refusal: refusal{
		errno: unix.ENOENT, stage: nsenter.StagePayload, op: "exec", is: exec.ErrNotFound}, says: []string{"not found"}}),
	program("directory", "/", ofExecuting(unix.EACCES, "", "directory")),
	program("below a file", "/bin/sh/below", ofExecuting(unix.ENOTDIR, "")),
	program("name too long", "/"+strings.Repeat("x/", 3000), ofExecuting(unix.ENAMETOOLONG, "")),
	file("not executable", "text", 0o644, ofExecuting(unix.EACCES, "", "not executable")),
	file("no format", "text", 0o755, ofExecuting(unix.ENOEXEC, "", "script that begins with #!")),
	file("script without interpreter", "#! /no/such/interpreter -x\n", 0o755,
		ofExecuting(unix.ENOENT, "", "the program is there", `"/no/such/interpreter"`)),
	file("script that controls the terminal", "#!/\x1b[31m\n", 0o755, ofExecuting(unix.ENOENT, "", `"/\x1b[31m"`)),
	{name: "link to itself", want: ofExecuting(unix.ELOOP, ""),
		fails: func(t *testing.T, command starter, want *whole) error {
			want.path = filepath.Join(openDir(t), "loop")
			if err := os.Symlink(want.path, want.path); err != nil {
				t.Fatal(err)
			}
			return command(nil, want.path).Run()
		}},
	{name: "program without its loader", want: ofExecuting(unix.ENOENT, "", "the program is there", `"/no/such/ld`),
		fails: func(t *testing.T, command starter, want *whole) error {
			want.path = makeFile(t, "unloadable", unloadable(t), 0o755)
			return command(nil, want.path).Run()
		}},
	{name: "program that cannot be read", in: asNobody, want: ofExecuting(unix.ENOENT, "", "the program is there"),
		fails: func(t *testing.T, command starter, want *whole) error {
			want.path = writeFile(t, filepath.Join(openDir(t), "unreadable"), unloadable(t), 0o111)
			return command(nil, want.path).Run()
		}},
	{name: "mount without exec", in: inOwnMounts, want: ofExecuting(unix.EACCES, "", "noexec mount"),
		fails: func(t *testing.T, command starter, want *whole) error {
			want.path = filepath.Join(withoutExec(t), "program")
			return command(nil, want.path).Run()
		}},
	{name: "mount without exec along PATH", in: inOwnMounts, want: ofExecuting(unix.EACCES, "program", "noexec mount"),
		fails: func(t *testing.T, command starter, _ *whole) error {
			cmd := command(nil, "program")
			cmd.Env = []string{"PATH=/no/such:" + withoutExec(t)}
			return cmd.Run()
		}},
	{name: "arguments too long", want: ofExecuting(unix.E2BIG, "/bin/true"),
		fails: changed(func(c *nsenter.Cmd) { c.Args = []string{"true", strings.Repeat("x", 200_000)} })},
	{name: "killed before it executed", want: ofExecuting(0, "/bin/true", "killed by SIGTERM"),
		fails: changed(func(c *nsenter.Cmd) { c.BeforeExec = func(pid int) error { return unix.Kill(pid, unix.SIGTERM) } })},
	{name: "killed by a signal without a name", want: ofExecuting(0, "/bin/true", "killed by signal 40 before"),
		fails: changed(func(c *nsenter.Cmd) { c.BeforeExec = func(pid int) error { return unix.Kill(pid, 40) } })},
	{name: "no such directory", want: whole{refusal: refusal{errno: unix.ENOENT, op: "enter directory", path: "/no/such", stage: nsenter.Stage0, is: fs.ErrNotExist}},
		fails: changed(func(c *nsenter.Cmd) { c.Dir = "/no/such" })},
	{name: "directory outside", want: whole{refusal: refusal{errno: unix.EXDEV, op: "enter directory", stage: nsenter.Stage0}, says: []string{"outside the payload's root"}},
		fails: outsideRoot},
}

// withoutExec is a directory on a noexec mount, with a program.
func withoutExec(t *testing.T) string {
	t.Helper()
	dir := openDir(t)
	if err := unix.Mount("none", dir, "tmpfs", unix.MS_NOEXEC, ""); err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() { _ = unix.Unmount(dir, unix.MNT_DETACH) })
	writeFile(t, filepath.Join(dir, "program"), "#!/bin/sh\n", 0o755)
	return dir
}

// unloadable is a program of this machine's whose dynamic loader is not there.
func unloadable(t *testing.T) string {
	t.Helper()
	text, err := os.ReadFile("/bin/cat")
	if err != nil {
		t.Fatal(err)
	}
	f, err := elf.NewFile(bytes.NewReader(text))
	if err != nil {
		t.Fatal(err)
	}
	at := f.Section(".interp")
	missing := "/no/such/ld" + strings.Repeat("-", int(at.Size)-len("/no/such/ld")-1)
	copy(text[at.Offset:], missing)
	return string(text)
}

func outsideRoot(t *testing.T, command starter, _ *whole) error {
	outside, err := os.Open("/usr")
	if err != nil {
		t.Fatal(err)
	}
	defer outside.Close()
	root, err := os.Open(openDir(t))
	if err != nil {
		t.Fatal(err)
	}
	defer root.Close()
	cmd := command(nil, "/bin/true")
	cmd.Root, cmd.WorkDir = root, outside
	if os.Geteuid() != 0 {
		cmd.Unshare = ns.User
		cmd.MapRoot()
	}
	return cmd.Run()
}
