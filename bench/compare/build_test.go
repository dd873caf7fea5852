//go:build linux && cgo

package main

import (
	"os"
	"testing"

	"nsexec/internal/testutil"
)

// TestBuildCaller: what is measured as large is large.
func TestBuildCaller(t *testing.T) {
	testutil.NeedRoot(t) // whose module cache can be written to
	dir := t.TempDir()
	for _, size := range []int64{5e6, 20e6} {
		program, err := buildCaller(dir, size)
		if err != nil {
			t.Fatal(err)
		}
		info, err := os.Stat(program)
		if err != nil {
			t.Fatal(err)
		}
		if off := info.Size() - size; off < -1e5 || off > 1e5 {
			t.Errorf("%s has %d bytes, not about %d", program, info.Size(), size)
		}
	}
}
