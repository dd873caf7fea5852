//go:build linux && cgo

package nsenter_test

import (
	"fmt"
	"os"
	"path/filepath"
	"testing"
)

// filesOf are the open files of a process, by number.
func filesOf(t testing.TB, pid int) map[string]string {
	t.Helper()
	files := make(map[string]string)
	for _, path := range glob(t, fmt.Sprintf("/proc/%d/fd/*", pid)) {
		if link, err := os.Readlink(path); err == nil {
			files[filepath.Base(path)] = link
		}
	}
	return files
}
