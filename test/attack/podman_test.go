//go:build linux && cgo

package attack

import (
	"fmt"
	"os"
	"os/exec"
	"path/filepath"
	"strconv"
	"strings"
	"testing"

	"nsexec/internal/testutil"
)

// podmanConf: raising hard limits is not everybody's right.
const podmanConf = `[containers]
default_ulimits = ["nofile=20000:20000", "nproc=20000:20000"]
netns = "none"
[engine]
cgroup_manager = "cgroupfs"
events_logger = "file"
runtime = "runc"
`

// podman starts a container of a root directory with podman, with what that takes for defaults.
func podman(t *testing.T, tg *target) {
	t.Helper()
	dir, err := os.MkdirTemp("", "nsx-") // podman takes no long paths
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() { _ = os.RemoveAll(dir) })
	conf := filepath.Join(dir, "containers.conf")
	if err := os.WriteFile(conf, []byte(podmanConf), 0o644); err != nil {
		t.Fatal(err)
	}
	run := func(arg ...string) (string, error) {
		arg = append([]string{"--root", dir + "/s", "--runroot", dir + "/r", "--tmpdir", dir + "/t"}, arg...)
		cmd := exec.Command("podman", arg...)
		cmd.Env = append(os.Environ(), "CONTAINERS_CONF="+conf)
		out, err := cmd.Output()
		if exit, ok := err.(*exec.ExitError); ok {
			err = fmt.Errorf("%v: %w: %s", cmd, err, exit.Stderr)
		}
		return strings.TrimSpace(string(out)), err
	}
	id, err := run("run", "--detach", "--rootfs", tg.root, "/bin/sleep", "3600")
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() { _, _ = run("rm", "--force", "--time", "0", id) })
	text, err := run("inspect", "--format", "{{.State.Pid}}", id)
	if err != nil {
		t.Fatal(err)
	}
	pid, err := strconv.Atoi(text)
	if err != nil {
		t.Fatal(err)
	}
	tg.Proc = &testutil.Proc{PID: pid, Types: ownTypes}
	tg.root = fmt.Sprintf("/proc/%d/root", pid)
}
