package sockpair

import (
	"os"

	"github.com/opencontainers/runc/libcontainer/utils"
	"golang.org/x/sys/unix"
)

// New returns the caller's end, which Go's poller waits on and to which the
// kernel attaches who sent what arrives, and stage 0's, which blocks. Both are
// close-on-exec.
func New() (caller, stage0 *os.File, err error) {
	blocking, stage0, err := utils.NewSockPair("nsexec")
	if err != nil {
		return nil, nil, os.NewSyscallError("socketpair", err)
	}
	defer blocking.Close()
	caller, err = pollable(blocking)
	if err != nil {
		stage0.Close()
		return nil, nil, err
	}
	return caller, stage0, nil
}

// pollable duplicates the socket, since an os.File decides when it is made
// whether the poller takes it.
func pollable(blocking *os.File) (*os.File, error) {
	fd, err := unix.FcntlInt(blocking.Fd(), unix.F_DUPFD_CLOEXEC, 0)
	if err != nil {
		return nil, os.NewSyscallError("fcntl", err)
	}
	if err := prepare(fd); err != nil {
		unix.Close(fd)
		return nil, err
	}
	return os.NewFile(uintptr(fd), blocking.Name()), nil
}

func prepare(fd int) error {
	if err := unix.SetNonblock(fd, true); err != nil {
		return os.NewSyscallError("fcntl", err)
	}
	if err := unix.SetsockoptInt(fd, unix.SOL_SOCKET, unix.SO_PASSCRED, 1); err != nil {
		return os.NewSyscallError("setsockopt SO_PASSCRED", err)
	}
	// From Linux 6.5. Without it a pid alone has to do.
	_ = unix.SetsockoptInt(fd, unix.SOL_SOCKET, unix.SO_PASSPIDFD, 1)
	return nil
}
