package ns

import (
	"errors"
	"fmt"
)

// ID64 returns the namespace's 64-bit id: unlike an inode number it is never given to another one as long as the
// machine runs. It needs Linux 6.18, for mount namespaces 6.11; before, the error matches errors.ErrUnsupported.
func (h *Handle) ID64() (id uint64, err error) {
	if closed := h.Control(func(fd uintptr) { id, err = id64(fd, h.t) }); closed != nil {
		err = closed
	}
	if err != nil {
		return 0, fmt.Errorf("get id of %v: %w", h, err)
	}
	return id, nil
}

// OpenByID opens the namespace of type t with this 64-bit id and inode number, as ID64 and ID return them, wherever
// it is: nobody needs to be in it. It needs Linux 6.18; before, the error matches errors.ErrUnsupported.
// If there is none, or no longer, it matches os.ErrNotExist; os.ErrPermission if it is not for the caller. Newer kernels do
// not tell the two apart, and open namespaces that the caller is not in for CAP_SYS_ADMIN in the initial user namespace
// alone (7.0, and 6.18.50 and 6.19.9): there it is os.ErrNotExist for both.
func OpenByID(t Type, id64, inode uint64) (*Handle, error) {
	if err := t.checkOne(); err != nil {
		return nil, fmt.Errorf("open namespace by id %d: %w", id64, err)
	}
	fd, err := openByID(t, id64, inode)
	if err != nil {
		return nil, fmt.Errorf("open %s by id %d: %w", t.label(), id64, err)
	}
	return newHandle(fd, t)
}

// PIDIn returns the number that the process with the caller's number pid has in this pid namespace. If it has none
// because it is not in it nor below it, the error matches ErrNotInNamespace; ErrProcessGone if there is no such process.
func (h *Handle) PIDIn(pid int) (int, error) {
	return h.translate(pid, "translate process %d into %v", pidIn)
}

// PIDFrom returns the caller's number for the process that has the number pid in this pid namespace. If there is
// none, the error matches ErrProcessGone. Before Linux 6.11 it has to look at every process.
func (h *Handle) PIDFrom(pid int) (int, error) {
	return h.translate(pid, "translate process %d from %v", pidFrom)
}

func (h *Handle) translate(pid int, format string, ask func(*Handle, int) (int, error)) (int, error) {
	if h.t != PID {
		return -1, fmt.Errorf(format+": %w: wanted a pid namespace", pid, h, ErrWrongType)
	}
	other, err := ask(h, pid)
	if err != nil {
		return -1, fmt.Errorf(format+": %w", pid, h, err)
	}
	return other, nil
}

var errNeeds618 = fmt.Errorf("needs Linux 6.18: %w", errors.ErrUnsupported)
