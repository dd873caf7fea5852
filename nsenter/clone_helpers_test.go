//go:build linux && cgo

package nsenter_test

import (
	"context"
	"encoding/json"
	"os"
	"path/filepath"
	"syscall"
	"testing"
	"time"

	"nsexec/internal/testutil"
	"nsexec/ns"
	"nsexec/nsenter"
)

// reportVariable names the file in which a clone says where it is: it has no result.
const reportVariable = "NSENTER_TEST_REPORT"

// stay says where it is, and stays until its caller is gone.
var stay = nsenter.NewFunc("stay", func(ctx context.Context, _ []byte) ([]byte, error) {
	w, err := lookAround()
	if err != nil {
		return nil, err
	}
	text, err := json.Marshal(w)
	if err != nil {
		return nil, err
	}
	path := os.Getenv(reportVariable)
	if err := os.WriteFile(path+".new", text, 0o666); err != nil {
		return nil, err
	}
	if err := os.Rename(path+".new", path); err != nil {
		return nil, err
	}
	<-ctx.Done()
	return nil, nil
})

// clone makes one of stay, which ends with the test, and returns what it says of itself.
func clone(t *testing.T, pid int, types ns.Type, flags uintptr) (cloned int, w whereabouts) {
	t.Helper()
	path := filepath.Join(worldDir(t), "report")
	t.Setenv(reportVariable, path)
	cloned, err := nsenter.Clone(pid, types, stay, flags)
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() { _ = syscall.Kill(cloned, syscall.SIGKILL); awaitReaped(t, cloned) })
	testutil.Eventually(t, "word of the clone", func() bool {
		text, err := os.ReadFile(path)
		return err == nil && json.Unmarshal(text, &w) == nil
	})
	return cloned, w
}

// worldDir is a directory to which everybody may write: a clone is somebody else.
func worldDir(t *testing.T) string {
	t.Helper()
	dir := openDir(t)
	if err := os.Chmod(dir, 0o777); err != nil {
		t.Fatal(err)
	}
	return dir
}

// awaitReaped fails unless a child is gone, and no zombie, within a second.
func awaitReaped(t *testing.T, pid int) {
	t.Helper()
	begun := time.Now()
	testutil.Eventually(t, "clone reaped", func() bool { return syscall.Kill(pid, 0) == syscall.ESRCH })
	if took := time.Since(begun); took > testutil.Bound(time.Second) {
		t.Errorf("reaped after %v", took)
	}
}
