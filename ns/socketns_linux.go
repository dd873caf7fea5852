package ns

import (
	"errors"
	"fmt"

	"golang.org/x/sys/unix"
)

func socketNS(fd uintptr) (*Handle, error) {
	// On something else than a socket the number could mean anything.
	if _, err := unix.GetsockoptInt(int(fd), unix.SOL_SOCKET, unix.SO_TYPE); err != nil {
		return nil, fmt.Errorf("%s: %w", describe(int(fd)), err)
	}
	net, err := unix.IoctlRetInt(int(fd), unix.SIOCGSKNS)
	if err != nil {
		return nil, fmt.Errorf("SIOCGSKNS: %w", err)
	}
	return newHandle(net, Net)
}

func processSocketNS(pid, fd int) (*Handle, error) {
	pidfd, err := unix.PidfdOpen(pid, 0)
	if errors.Is(err, unix.ESRCH) {
		return nil, ErrProcessGone
	}
	if err != nil {
		return nil, fmt.Errorf("pidfd_open: %w", err)
	}
	defer unix.Close(pidfd)
	own, err := unix.PidfdGetfd(pidfd, fd, 0)
	if errors.Is(err, unix.ESRCH) {
		return nil, ErrProcessGone
	}
	if err != nil {
		return nil, fmt.Errorf("pidfd_getfd: %w", err)
	}
	defer unix.Close(own)
	return socketNS(uintptr(own))
}
