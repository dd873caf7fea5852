//go:build linux && cgo

package nsenter

import (
	"fmt"
	"syscall"

	"golang.org/x/sys/unix"
)

// movedExecutable is what a program executes that is to be inside for good.
func movedExecutable(exposed bool) (string, error) {
	if !exposed {
		return ownExecutable, nil
	}
	exe, err := sealedExecutable()
	if err != nil {
		return "", err
	}
	return fmt.Sprintf("/proc/self/fd/%d", exe.Fd()), nil
}

// executeSelf executes the program anew, and lets it inherit the fds. It returns
// only if that fails, with everything as it was: meanwhile the program starts no
// process that could inherit them.
func executeSelf(path string, args, env []string, fds []int) error {
	syscall.ForkLock.Lock()
	defer syscall.ForkLock.Unlock()

	var limit unix.Rlimit
	limitErr := unix.Getrlimit(unix.RLIMIT_NOFILE, &limit)
	cleared, err := clearCloseOnExec(fds)
	if err == nil {
		err = syscall.Exec(path, args, env) // with the limit that the program was started with
	}
	for _, fd := range cleared {
		_, _ = unix.FcntlInt(uintptr(fd), unix.F_SETFD, unix.FD_CLOEXEC)
	}
	if limitErr == nil {
		_ = unix.Setrlimit(unix.RLIMIT_NOFILE, &limit)
	}
	return callerError("execute program anew", "", err)
}

// clearCloseOnExec returns those that had it.
func clearCloseOnExec(fds []int) (cleared []int, err error) {
	for _, fd := range fds {
		flags, err := unix.FcntlInt(uintptr(fd), unix.F_GETFD, 0)
		if err != nil {
			return cleared, err
		}
		if flags&unix.FD_CLOEXEC == 0 {
			continue
		}
		if _, err := unix.FcntlInt(uintptr(fd), unix.F_SETFD, flags&^unix.FD_CLOEXEC); err != nil {
			return cleared, err
		}
		cleared = append(cleared, fd)
	}
	return cleared, nil
}
