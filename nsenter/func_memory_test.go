//go:build linux && cgo

package nsenter_test

import (
	"context"
	"fmt"
	"os"
	"path/filepath"
	"syscall"
	"testing"

	"nsexec/internal/testutil"
	"nsexec/nsenter"
)

var eatMemory = nsenter.NewFunc("eat memory", func(context.Context, []byte) ([]byte, error) {
	return patterned(1 << 30), nil
})

// A function that the kernel kills for its memory has no result, and its caller is unharmed.
func TestFuncOutOfMemory(t *testing.T) {
	testutil.NeedRoot(t)
	group := memoryGroup(t, 96<<20)
	cmd := eatMemory.Command(t.Context(), nil, nil)
	cmd.BeforeExec = func(pid int) error {
		return os.WriteFile(filepath.Join(group, "cgroup.procs"), fmt.Append(nil, pid), 0)
	}
	wantExit(t, cmd.Run(), -1)
	if status, ok := cmd.ProcessState.Sys().(syscall.WaitStatus); !ok || status.Signal() != syscall.SIGKILL {
		t.Errorf("it ended with %v", cmd.ProcessState)
	}
	wantNoResult(t, cmd)
}

// memoryGroup makes a cgroup with that limit, of version 1 or 2.
func memoryGroup(t *testing.T, limit int) string {
	t.Helper()
	for parent, file := range map[string]string{
		"/sys/fs/cgroup/memory": "memory.limit_in_bytes", "/sys/fs/cgroup": "memory.max",
	} {
		group, err := os.MkdirTemp(parent, "nsenter-test-")
		if err != nil {
			continue
		}
		t.Cleanup(func() { os.Remove(group) })
		limited, err := os.OpenFile(filepath.Join(group, file), os.O_WRONLY, 0)
		if err != nil {
			continue
		}
		defer limited.Close()
		if _, err := fmt.Fprint(limited, limit); err == nil {
			return group
		}
	}
	testutil.Skip(t, "no cgroup with a memory controller can be made here")
	return ""
}
