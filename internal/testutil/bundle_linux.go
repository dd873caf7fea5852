package testutil

import (
	"encoding/json"
	"os"
	"os/exec"
	"path/filepath"
	"sync/atomic"
	"testing"

	"golang.org/x/sys/unix"
)

// containers counts the containers of this process, for their names.
var containers atomic.Int32

type object = map[string]any

// bundle makes what an OCI runtime runs: a directory with config.json and a rootfs. It is
// removed with the container. (t.TempDir is closed to the ids of a user namespace.)
func bundle(t testing.TB, types uint64) string {
	t.Helper()
	dir, err := os.MkdirTemp("", "nsexec-container-")
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() { _ = os.RemoveAll(dir) })
	if err := os.Chmod(dir, 0o755); err != nil {
		t.Fatal(err)
	}
	makeRootfs(t, filepath.Join(dir, "rootfs"))
	config, err := json.Marshal(configuration(types))
	if err != nil {
		t.Fatal(err)
	}
	if err := os.WriteFile(filepath.Join(dir, "config.json"), config, 0o644); err != nil {
		t.Fatal(err)
	}
	return dir
}

// makeRootfs installs a static busybox as every program of a root directory.
func makeRootfs(t testing.TB, root string) {
	t.Helper()
	const script = `set -e
mkdir -p "$1/bin" "$1/proc" "$1/dev" "$1/sys" "$1/tmp" "$1/etc"
cp "$(command -v busybox)" "$1/bin/busybox"
"$1/bin/busybox" --install "$1/bin"
echo root:x:0:0::/:/bin/sh >"$1/etc/passwd"`
	if out, err := exec.Command("sh", "-c", script, "sh", root).CombinedOutput(); err != nil {
		t.Fatalf("make a rootfs of busybox: %v: %s", err, out)
	}
}

// configuration is the least that runc and crun accept, of the version of the specification that both know.
func configuration(types uint64) object {
	linux := object{"namespaces": namespaceList(types)}
	if types&unix.CLONE_NEWUSER != 0 {
		ids := []object{{"containerID": 0, "hostID": 100000, "size": 65536}}
		linux["uidMappings"], linux["gidMappings"] = ids, ids
	}
	return object{
		"ociVersion": "1.0.2",
		"root":       object{"path": "rootfs"},
		"hostname":   "target",
		"linux":      linux,
		"process": object{
			"args": []string{"/bin/cat"},
			"cwd":  "/",
			"env":  []string{"PATH=/bin"},
			"user": object{"uid": 0, "gid": 0},
		},
		"mounts": []object{
			{"destination": "/proc", "type": "proc", "source": "proc"},
			{"destination": "/dev", "type": "tmpfs", "source": "tmpfs", "options": []string{"nosuid", "mode=755"}},
			{"destination": "/tmp", "type": "tmpfs", "source": "tmpfs"},
		},
	}
}

func namespaceList(types uint64) []object {
	inSpecification := map[string]string{"mnt": "mount", "net": "network"}
	var list []object
	for name, bit := range TypeBits {
		if types&bit == 0 {
			continue
		}
		if other, ok := inSpecification[name]; ok {
			name = other
		}
		list = append(list, object{"type": name})
	}
	return list
}
