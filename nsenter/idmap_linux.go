package nsenter

import (
	"fmt"
	"math"
	"syscall"

	"github.com/moby/sys/user"
)

// IDMap is [syscall.SysProcIDMap]: a range of ids inside, and what it is outside.
type IDMap = syscall.SysProcIDMap

// subordinateIDs are the caller's first ranges in /etc/subuid and /etc/subgid,
// mapped from 0 on.
func subordinateIDs() (uids, gids IDMap, err error) {
	subUIDs, err := user.CurrentUserSubUIDs()
	if err == nil {
		uids, err = firstRange("/etc/subuid", subUIDs)
	}
	if err != nil {
		return uids, gids, callerError("find subordinate ids", "/etc/subuid", err)
	}
	subGIDs, err := user.CurrentUserSubGIDs()
	if err == nil {
		gids, err = firstRange("/etc/subgid", subGIDs)
	}
	if err != nil {
		return uids, gids, callerError("find subordinate ids", "/etc/subgid", err)
	}
	return uids, gids, nil
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
