//go:build linux && cgo

package nsenter_test

import (
	"bufio"
	"bytes"
	"context"
	"fmt"
	"os"
	"slices"
	"strings"
	"testing"

	"nsexec/internal/testutil"
	"nsexec/nsenter"
)

// ownMemoryHolds tells whether what is given to it backwards is anywhere in its own memory the right way round.
var ownMemoryHolds = nsenter.NewFunc("own memory holds", func(_ context.Context, backwards []byte) ([]byte, error) {
	maps, err := os.ReadFile("/proc/self/maps")
	if err != nil {
		return nil, err
	}
	mem, err := os.Open("/proc/self/mem")
	if err != nil {
		return nil, err
	}
	defer mem.Close()
	buf := make([]byte, 1<<20)
	for lines := bufio.NewScanner(bytes.NewReader(maps)); lines.Scan(); {
		var from, to int64
		if _, err := fmt.Sscanf(lines.Text(), "%x-%x rw", &from, &to); err != nil || to-from > 64<<20 {
			continue
		}
		for ; from < to; from += int64(len(buf)) - int64(len(backwards)) {
			n, _ := mem.ReadAt(buf[:min(int64(len(buf)), to-from)], from)
			if holds(buf[:n], backwards) {
				return []byte(lines.Text()), nil
			}
			clear(buf[:n])
			if n < len(buf) {
				break
			}
		}
	}
	return []byte("no"), nil
})

func holds(text, backwards []byte) bool {
	for i := range max(0, len(text)-len(backwards)+1) {
		at := 0
		for at < len(backwards) && text[i+at] == backwards[len(backwards)-1-at] {
			at++
		}
		if at == len(backwards) {
			return true
		}
	}
	return false
}

// A function goes on in a fork of the launcher, whose memory other calls have shared: what they were asked to do must
// not come along.
func TestLauncherForgetsRequests(t *testing.T) {
	testutil.NeedRoot(t) // a payload is not dumpable: its memory is nobody else's to read
	launcher := newLauncher(t)
	secret := strings.Repeat("swordfish", 3)
	other := launcher.Command(nil, "/bin/true")
	other.Env = []string{"SECRET=" + secret}
	if err := other.Run(); err != nil {
		t.Fatal(err)
	}
	backwards := []byte(secret)
	slices.Reverse(backwards)
	where, err := launcher.Func(ownMemoryHolds).Call(t.Context(), nil, backwards)
	if err != nil || string(where) != "no" {
		t.Errorf("another call's environment is in %s, %v", where, err)
	}
}
