//go:build linux && cgo

package nsenter

import (
	"fmt"
	"strings"
	"testing"
)

// A process chooses its name, and nothing else that its stat tells.
func FuzzStat(f *testing.F) {
	f.Add("1 (cat) S 0 1 1 0 -1 4194560 0 0", "cat", 7, uint64(0x40))
	f.Add(") (", "a) R 1 2 3 4 5 (6", -1, uint64(0))
	f.Add("1 () S", "", 0, ^uint64(0))
	f.Fuzz(func(t *testing.T, text, comm string, parent int, flags uint64) {
		if s, err := parseStat([]byte(text)); err == nil && !strings.Contains(text, "("+s.comm+")") {
			t.Fatalf("%q is %+v", text, s)
		}
		stat := fmt.Sprintf("4711 (%s) S %d 1 1 0 -1 %d 0 0 0\n", comm, parent, flags)
		s, err := parseStat([]byte(stat))
		if want := (processStat{comm, parent, flags}); err != nil || s != want {
			t.Fatalf("%q is %+v, %v", stat, s, err)
		}
	})
}

// Whatever a map says, what is taken out of it are ids that there are.
func FuzzIDMap(f *testing.F) {
	f.Add("         0          0 4294967295\n", 0, 100000, 65536)
	f.Add("0 1000 1\n1 100000 65536\n", 4294967294, 4294967294, 1)
	f.Add("-1 -1 -1\n1 1 0\n9223372036854775807 0 9223372036854775807\n\n1 2\nx", 1, 2, 3)
	f.Fuzz(func(t *testing.T, text string, inside, outside, size int) {
		for _, m := range idsIn(text) {
			if err := checkMapping(m, nil); err != nil || m.ContainerID != m.HostID {
				t.Fatalf("%q has %+v: %v", text, m, err)
			}
		}
		m := IDMap{ContainerID: inside, HostID: outside, Size: size}
		if checkMappings("uid map", []IDMap{m}) != nil {
			return
		}
		want := IDMap{ContainerID: inside, HostID: inside, Size: size}
		if got := idsIn(mapText([]IDMap{m})); checkMapping(want, nil) == nil && (len(got) != 1 || got[0] != want) {
			t.Fatalf("%+v is read as %+v", m, got)
		}
	})
}
