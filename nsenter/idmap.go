package nsenter

import (
	"fmt"
	"os"
	"slices"
	"strings"
)

// Who has which ids beside their own: subuid(5), subgid(5).
const (
	subuidFile = "/etc/subuid"
	subgidFile = "/etc/subgid"
)

// maxMappings is the kernel's UID_GID_MAP_MAX_EXTENTS.
const maxMappings = 340

// checkMappings refuses what the kernel would refuse, and says which line. The text
// has to be shorter than a page: 340 lines of large ids are too long for that.
func checkMappings(what string, maps []IDMap) error {
	if len(maps) > maxMappings {
		return &Error{Op: "write " + what, Errno: errnoInvalid,
			Hint: fmt.Sprintf("%d lines, of which the kernel takes %d", len(maps), maxMappings)}
	}
	if size := len(mapText(maps)); size >= os.Getpagesize() {
		return &Error{Op: "write " + what, Errno: errnoInvalid,
			Hint: fmt.Sprintf("%d bytes of lines, of which the kernel takes less than a page: %d", size, os.Getpagesize())}
	}
	for i, m := range maps {
		if err := checkMapping(m, maps[:i]); err != nil {
			return &Error{Op: "write " + what, Path: mapLine(m), Errno: errnoInvalid,
				Hint: fmt.Sprintf("line %d: %v", i+1, err)}
		}
	}
	return nil
}

func checkMapping(m IDMap, before []IDMap) error {
	if m.Size < 1 || m.ContainerID < 0 || m.HostID < 0 {
		return fmt.Errorf("a range that is empty or negative")
	}
	if int64(m.ContainerID)+int64(m.Size)-1 > maxID || int64(m.HostID)+int64(m.Size)-1 > maxID {
		return fmt.Errorf("a range that ends above the largest id")
	}
	for i, other := range before {
		if overlap(m.ContainerID, other.ContainerID, m.Size, other.Size) || overlap(m.HostID, other.HostID, m.Size, other.Size) {
			return fmt.Errorf("it overlaps with line %d", i+1)
		}
	}
	return nil
}

func overlap(a, b, sizeA, sizeB int) bool {
	return a < b+sizeB && b < a+sizeA
}

// mapLine is a line of uid_map: inside, outside, how many.
func mapLine(m IDMap) string {
	return fmt.Sprintf("%d %d %d", m.ContainerID, m.HostID, m.Size)
}

// mapText is what is written to uid_map.
func mapText(maps []IDMap) string {
	var b strings.Builder
	for _, m := range maps {
		b.WriteString(mapLine(m) + "\n")
	}
	return b.String()
}

// firstOutside is the index of the first line that lies outside of all ranges, or -1.
func firstOutside(maps, ranges []IDMap, start func(IDMap) int) int {
	return slices.IndexFunc(maps, func(m IDMap) bool {
		return !slices.ContainsFunc(ranges, func(r IDMap) bool {
			return m.HostID >= start(r) && int64(m.HostID)+int64(m.Size) <= int64(start(r))+int64(r.Size)
		})
	})
}
