package nsenter

import (
	"errors"
	"fmt"
	"math"
	"os"
	"strings"
	"syscall"

	"github.com/moby/sys/user"

	"nsexec/internal/procfs"
)

// IDMap is [syscall.SysProcIDMap]: a range of ids inside, and what it is outside.
type IDMap = syscall.SysProcIDMap

func subordinateRanges(file string) ([]user.SubID, error) {
	if file == subgidFile {
		return user.CurrentUserSubGIDs()
	}
	return user.CurrentUserSubUIDs()
}

// subordinateIDs is the caller's first range in that file, mapped from 0 on.
func subordinateIDs(file string) (IDMap, error) {
	ranges, err := subordinateRanges(file)
	if err != nil {
		return IDMap{}, callerError("find subordinate ids", file, err)
	}
	m, err := firstRange(file, ranges)
	if err != nil {
		return IDMap{}, callerError("find subordinate ids", file, err)
	}
	return m, nil
}

// outsideSubordinate is the index of the first line that is neither the caller's
// own id nor in a range of that file for the caller, or -1.
func outsideSubordinate(file string, maps []IDMap, own int) int {
	ranges, err := subordinateRanges(file)
	if err != nil {
		return -1
	}
	held := []IDMap{{HostID: own, Size: 1}}
	for _, r := range ranges {
		if m, err := firstRange(file, []user.SubID{r}); err == nil {
			held = append(held, m)
		}
	}
	return firstOutside(maps, held, func(m IDMap) int { return m.HostID })
}

// largestID is the largest that an IDMap can hold.
const largestID = min(int64(maxID), math.MaxInt)

// firstRange leaves out what IDMap or the kernel cannot hold.
func firstRange(file string, ranges []user.SubID) (IDMap, error) {
	for _, r := range ranges {
		if r.SubID > 0 && r.Count > 0 && r.SubID <= largestID && r.Count <= largestID-r.SubID+1 {
			return IDMap{ContainerID: 0, HostID: int(r.SubID), Size: int(r.Count)}, nil
		}
	}
	return IDMap{}, fmt.Errorf("%s has no range for this user", file)
}

// parentIDs are the ranges in a map of the user namespace that a new one is created in.
func (c *Cmd) parentIDs(file string) ([]IDMap, error) {
	text, err := c.readParents(file)
	if err != nil {
		return nil, callerError("read "+file, "", err)
	}
	return idsIn(string(text)), nil
}

func (c *Cmd) readParents(file string) (text []byte, err error) {
	if !c.joinsOtherUser() {
		return os.ReadFile("/proc/self/" + file)
	}
	holdErr := c.set.Process(func(pid int, _ uintptr) { text, err = procfs.ReadPID(pid, file) })
	return text, errors.Join(holdErr, err)
}

// idsIn are the ids that a map has inside. Lines that the kernel would not write are left out: a /proc can be anybody's.
func idsIn(text string) (all []IDMap) {
	for line := range strings.Lines(text) {
		var inside, outside, size int64
		if _, err := fmt.Sscan(line, &inside, &outside, &size); err != nil ||
			inside < 0 || size < 1 || inside > largestID-size+1 {
			continue
		}
		all = append(all, IDMap{ContainerID: int(inside), HostID: int(inside), Size: int(size)})
	}
	return all
}
