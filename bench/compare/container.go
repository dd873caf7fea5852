//go:build linux && cgo

package main

import (
	"encoding/json"
	"fmt"
	"os"
	"os/exec"
	"path/filepath"

	"nsexec/bench/turns"
)

// container is a busybox that waits, run by runc or crun with the configuration that it proposes itself.
type container struct {
	runtime string
	id      string // which names its cgroup
	dir     string // the bundle, and the runtime's state
}

func startContainer(dir, runtime, program string) (*container, error) {
	c := &container{runtime: runtime, id: fmt.Sprintf("bench-%s-%d", runtime, os.Getpid()), dir: filepath.Join(dir, runtime)}
	const script = `set -e
mkdir -p "$1/rootfs/bin" "$1/rootfs/proc" "$1/rootfs/dev" "$1/rootfs/sys"
cp "$(command -v busybox)" "$2" "$1/rootfs/bin"
cd "$1" && "$3" spec`
	if out, err := exec.Command("sh", "-c", script, "sh", c.dir, program, runtime).CombinedOutput(); err != nil {
		return nil, fmt.Errorf("make bundle for %s: %w: %s", runtime, err, out)
	}
	if err := c.configure(); err != nil {
		return nil, fmt.Errorf("configure %s: %w", runtime, err)
	}
	cmd := c.command("run", "--detach", "--bundle", c.dir, c.id)
	// A file, not a pipe: the container keeps it open, and a pipe would make us wait for it.
	log, err := os.Create(filepath.Join(c.dir, "log"))
	if err != nil {
		return nil, err
	}
	defer func() { _ = log.Close() }()
	cmd.Stdout, cmd.Stderr = log, log
	if err := cmd.Run(); err != nil {
		text, _ := os.ReadFile(log.Name())
		return nil, fmt.Errorf("%s: %w: %s", cmd, err, text)
	}
	return c, nil
}

// configure adds a cgroup namespace, which is not proposed on cgroup v1, and takes the terminal away.
func (c *container) configure() error {
	path := filepath.Join(c.dir, "config.json")
	text, err := os.ReadFile(path)
	if err != nil {
		return err
	}
	var config struct {
		Process, Linux map[string]any
	}
	var all map[string]any
	for _, into := range []any{&config, &all} {
		if err := json.Unmarshal(text, into); err != nil {
			return err
		}
	}
	config.Process["terminal"] = false
	config.Process["args"] = []string{"/bin/busybox", "sleep", "600"}
	list := []map[string]string{}
	for _, t := range []string{"mount", "uts", "ipc", "network", "pid", "cgroup"} {
		list = append(list, map[string]string{"type": t})
	}
	config.Linux["namespaces"] = list
	all["process"], all["linux"] = config.Process, config.Linux
	if text, err = json.Marshal(all); err != nil {
		return err
	}
	return os.WriteFile(path, text, 0o600)
}

func (c *container) command(arg ...string) *exec.Cmd {
	return exec.Command(c.runtime, append([]string{"--root", filepath.Join(c.dir, "state")}, arg...)...)
}

func (c *container) contender() *turns.Contender {
	return &turns.Contender{Name: c.runtime + " exec", Run: func() error {
		return c.command("exec", c.id, "/bin/true").Run()
	}}
}

func (c *container) remove() { _ = c.command("delete", "--force", c.id).Run() }
