//go:build linux && cgo

package nsenter

import (
	"errors"
	"time"

	"golang.org/x/sys/unix"
)

// lostStatus waits until the process is gone, a moment after the other waiter has been chosen.
func lostStatus(pidfd int) error {
	for range 10_000 {
		status, err := keptStatus(pidfd)
		if err == nil {
			return &LostStatusError{Status: status, Known: true}
		}
		if !errors.Is(err, unix.EAGAIN) {
			break
		}
		time.Sleep(100 * time.Microsecond)
	}
	return &LostStatusError{}
}

// keptStatus asks PIDFD_GET_INFO (6.13), whose exit code came with 6.15, for the status of a process that somebody else
// has reaped. EAGAIN: it is still there. The kernel looks for the status before it looks for the process: of one that is
// reaped in between it knows neither, but has the status when it is asked again.
func keptStatus(pidfd int) (WaitStatus, error) {
	info, err := exitInfo(pidfd)
	if errors.Is(err, unix.ESRCH) {
		info, err = exitInfo(pidfd)
	}
	if err == nil && info.Mask&unix.PIDFD_INFO_EXIT == 0 {
		err = unix.EAGAIN
	}
	return WaitStatus(info.Exit_code), err
}

func exitInfo(pidfd int) (unix.PidfdInfo, error) {
	info := unix.PidfdInfo{Mask: unix.PIDFD_INFO_EXIT}
	err := unix.IoctlPidfdInfo(pidfd, &info)
	return info, err
}
