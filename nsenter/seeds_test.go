//go:build linux && cgo

package nsenter_test

import (
	"bytes"
	"embed"
	"encoding/binary"
	"flag"
	"os"
	"path/filepath"
	"testing"

	"nsexec/internal/testutil"
	"nsexec/nsenter"
)

// kept are the requests that the fuzzer of their decoder begins with: see test/fuzz.
//
//go:embed testdata/requests
var kept embed.FS

var writeSeeds = flag.Bool("write-seeds", false, "write testdata/requests anew, after a change to the wire")

// What the fuzzer begins with are requests of today.
func TestSeeds(t *testing.T) {
	if binary.NativeEndian.Uint16([]byte{1, 0}) != 1 {
		testutil.Skip(t, "the requests that are kept are a little-endian machine's")
	}
	messages, err := nsenter.Seeds()
	if err != nil {
		t.Fatal(err)
	}
	for name, message := range messages {
		path := filepath.Join("testdata/requests", name)
		if *writeSeeds {
			if err := os.WriteFile(path, message, 0o644); err != nil {
				t.Fatal(err)
			}
			continue
		}
		if was, err := kept.ReadFile(path); err != nil || !bytes.Equal(was, message) {
			t.Errorf("%s is not what is sent now (%v): go test ./nsenter -run TestSeeds -write-seeds", path, err)
		}
	}
	entries, err := kept.ReadDir("testdata/requests")
	if err != nil || !*writeSeeds && len(entries) != len(messages) {
		t.Errorf("%d requests are kept, instead of %d (%v)", len(entries), len(messages), err)
	}
}
