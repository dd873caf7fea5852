package ns

import "fmt"

// New makes a namespace of type t with nobody in it, which lives as long as the handle, or a pin of it. The
// calling thread stays where it is.
//
// The caller needs CAP_SYS_ADMIN in its user namespace, but for a user namespace, whose only mapping makes the
// caller's user and group its root. A mount namespace begins as a copy of the thread's, with the same
// propagation. A pid namespace needs Linux 6.11, because older kernels do not give out one that has no process
// yet: errors.ErrUnsupported. The first process in it will be its init. The offsets of a time namespace can
// no longer be set.
func New(t Type) (*Handle, error) {
	if err := t.checkOne(); err != nil {
		return nil, fmt.Errorf("make namespace: %w", err)
	}
	h, err := newNamespace(t)
	if err != nil {
		return nil, fmt.Errorf("make %s: %w", t.label(), err)
	}
	return h, nil
}
