package ns

import (
	"fmt"
	"os"
	"syscall"
)

// SocketNS opens the network namespace that a socket belongs to (SIOCGSKNS): any net.Conn or net.Listener of package
// net, or an *os.File. It needs CAP_NET_ADMIN in the user namespace that owns the network namespace: os.ErrPermission.
func SocketNS(socket syscall.Conn) (h *Handle, err error) {
	conn, err := socket.SyscallConn()
	if err != nil {
		return nil, fmt.Errorf("open namespace of socket: %w", err)
	}
	if conn.Control(func(fd uintptr) { h, err = socketNS(fd) }) != nil {
		err = os.ErrClosed
	}
	if err != nil {
		return nil, fmt.Errorf("open namespace of socket: %w", err)
	}
	return h, nil
}

// ProcessSocketNS is SocketNS for the socket that is file descriptor fd in the process pid. It needs the right to
// ptrace the process, and pidfd_getfd(2), Linux 5.6.
func ProcessSocketNS(pid, fd int) (*Handle, error) {
	h, err := processSocketNS(pid, fd)
	if err != nil {
		return nil, fmt.Errorf("open namespace of socket %d of process %d: %w", fd, pid, err)
	}
	return h, nil
}
