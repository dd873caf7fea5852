package nsenter

import (
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

// subordinateIDs is the caller's first range in that file, mapped from 0 on.
func subordinateIDs(file string) (IDMap, error) {
	find := user.CurrentUserSubUIDs
	if file == "/etc/subgid" {
		find = user.CurrentUserSubGIDs
	}
	ranges, err := find()
	if err != nil {
		return IDMap{}, callerError("find subordinate ids", file, err)
	}
	m, err := firstRange(file, ranges)
	if err != nil {
		return IDMap{}, callerError("find subordinate ids", file, err)
	}
	return m, nil
}

// firstRange leaves out what IDMap or the kernel cannot hold.
func firstRange(file string, ranges []user.SubID) (IDMap, error) {
	const largest = min(int64(maxID), math.MaxInt)
	for _, r := range ranges {
		if r.SubID > 0 && r.Count > 0 && r.SubID <= largest && r.Count <= largest-r.SubID+1 {
			return IDMap{ContainerID: 0, HostID: int(r.SubID), Size: int(r.Count)}, nil
		}
	}
	return IDMap{}, fmt.Errorf("%s has no range for this user", file)
}

// parentIDs are the ranges in a map of the user namespace that a new one is created in.
func (c *Cmd) parentIDs(file string) ([]IDMap, error) {
	pid := os.Getpid()
	if c.joinsOtherUser() {
		if err := c.set.Process(func(target int, _ uintptr) { pid = target }); err != nil {
			return nil, callerError("read "+file, "", err)
		}
	}
	text, err := procfs.ReadPID(pid, file)
	if err != nil {
		return nil, callerError("read "+file, "", err)
	}
	return idsIn(string(text)), nil
}

// idsIn are the ids that a map has inside.
func idsIn(text string) (all []IDMap) {
	for line := range strings.Lines(text) {
		var inside, outside, size int64
		if _, err := fmt.Sscan(line, &inside, &outside, &size); err != nil || inside > math.MaxInt-size {
			continue
		}
		all = append(all, IDMap{ContainerID: int(inside), HostID: int(inside), Size: int(size)})
	}
	return all
}
