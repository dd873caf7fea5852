package sockpair

import (
	"os"

	"github.com/opencontainers/runc/libcontainer/utils"
	"golang.org/x/sys/unix"
)

// NewMessages returns two ends of a socket that keeps messages apart, and delivers each to one reader.
// Both block, and are close-on-exec.
func NewMessages() (one, other *os.File, err error) {
	fds, err := unix.Socketpair(unix.AF_UNIX, unix.SOCK_SEQPACKET|unix.SOCK_CLOEXEC, 0)
	if err != nil {
		return nil, nil, os.NewSyscallError("socketpair", err)
	}
	return os.NewFile(uintptr(fds[0]), "nsexec-calls"), os.NewFile(uintptr(fds[1]), "nsexec-calls"), nil
}

// New returns the caller's end, to which the kernel attaches who sent what
// arrives, and stage 0's. Both block, and are close-on-exec.
func New() (caller, stage0 *os.File, err error) {
	caller, stage0, err = utils.NewSockPair("nsexec")
	if err != nil {
		return nil, nil, os.NewSyscallError("socketpair", err)
	}
	fd := int(caller.Fd())
	if err := unix.SetsockoptInt(fd, unix.SOL_SOCKET, unix.SO_PASSCRED, 1); err != nil {
		caller.Close()
		stage0.Close()
		return nil, nil, os.NewSyscallError("setsockopt SO_PASSCRED", err)
	}
	// From Linux 6.5. Without it a pid alone has to do.
	_ = unix.SetsockoptInt(fd, unix.SOL_SOCKET, unix.SO_PASSPIDFD, 1)
	return caller, stage0, nil
}
