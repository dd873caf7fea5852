//go:build linux

package builds

import (
	"fmt"
	"os"
	"os/exec"
	"path/filepath"
	"testing"

	"golang.org/x/sys/unix"
)

// What would make a process of the library's own: its name, and a socket whose peer is the parent.
const (
	stage0Name   = "nsexec:[0:JOIN]"
	pipeVariable = "_NSENTER_PIPE"
)

// withSocket gives a process what the library's own have.
func withSocket(t *testing.T, cmd *exec.Cmd) *exec.Cmd {
	t.Helper()
	fds, err := unix.Socketpair(unix.AF_UNIX, unix.SOCK_STREAM|unix.SOCK_CLOEXEC, 0)
	if err != nil {
		t.Fatal(err)
	}
	ours, theirs := os.NewFile(uintptr(fds[0]), "ours"), os.NewFile(uintptr(fds[1]), "theirs")
	t.Cleanup(func() { ours.Close(); theirs.Close() })
	cmd.ExtraFiles = []*os.File{theirs}
	cmd.Env = append(cmd.Env, pipeVariable+"=3")
	return cmd
}

// compileHost compiles the program in C.
func (c *consumer) compileHost(t *testing.T, name string, arg ...string) string {
	t.Helper()
	path := filepath.Join(c.dir, "bin", name)
	c.run(t, nil, "cc", append([]string{"-Wall", "-Werror", "-o", path, "host/host.c"}, arg...)...)
	return path
}

// In a shared library /proc/self/exe is the host: executing that anew would run the host a second time.
func TestSharedLibrary(t *testing.T) {
	compilesWhole(t)
	c := newConsumer(t)
	lib := c.build(t, nil, "lib.so", "./lib", "-buildmode=c-shared")
	host := c.compileHost(t, "host", "-ldl")
	for _, name := range []string{host, stage0Name} {
		for who, plain := range everybody(host, lib) {
			t.Run(fmt.Sprintf("%s as %s", filepath.Base(name), who), func(t *testing.T) {
				if len(plain.Args) == 2 { // not by way of unshare
					plain.Args[0] = name
				}
				socketed := *plain
				c.checkUnavailable(t, plain)
				c.checkUnavailable(t, withSocket(t, &socketed))
			})
		}
	}
}

// A library that is forced on a program by the dynamic loader is none of its business either.
func TestPreloadedLibrary(t *testing.T) {
	compilesWhole(t)
	c := newConsumer(t)
	lib := c.build(t, nil, "lib.so", "./lib", "-buildmode=c-shared")
	cmd := withSocket(t, exec.Command("/bin/echo", "hello"))
	cmd.Args[0] = stage0Name
	cmd.Env = append(cmd.Env, "LD_PRELOAD="+lib)
	if out, err := cmd.CombinedOutput(); err != nil || string(out) != "hello\n" {
		t.Errorf("echo with the library: %v, %q", err, out)
	}
}

func TestPlugin(t *testing.T) {
	compilesWhole(t)
	c := newConsumer(t)
	plugin := c.build(t, nil, "plugin.so", "./plugin", "-buildmode=plugin")
	loader := c.build(t, nil, "loader", "./loader")
	for _, cmd := range everybody(loader, plugin) {
		socketed := *cmd
		c.checkUnavailable(t, cmd)
		c.checkUnavailable(t, withSocket(t, &socketed))
	}
}

// In an archive the library is part of the main executable, and its constructor comes before Go's runtime.
func TestArchive(t *testing.T) {
	c := newConsumer(t)
	archive := c.build(t, nil, "lib.a", "./lib", "-buildmode=c-archive")
	c.checkJoins(t, c.compileHost(t, "linked", "-DLINKED", archive, "-lpthread"))
}
