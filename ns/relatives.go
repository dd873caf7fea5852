package ns

import (
	"fmt"
	"sync/atomic"
)

// Owner opens the user namespace that owns this one (NS_GET_USERNS): capabilities held in it are what counts
// for operations on this namespace. For a user namespace that is its parent. EPERM (os.ErrPermission) means that
// the owner is neither the caller's user namespace nor below it, and also that the initial user namespace has
// no owner.
func (h *Handle) Owner() (*Handle, error) { return h.relative(User, "owner", ownerOf, &h.owner) }

// Parent opens the namespace that this one was created in (NS_GET_PARENT). Only user and pid namespaces have
// one: others give an error that matches ErrInvalidType. EPERM (os.ErrPermission) means that the parent
// is outside of the caller's own namespace, or that there is none.
func (h *Handle) Parent() (*Handle, error) {
	if h.t != User && h.t != PID {
		return nil, fmt.Errorf("open parent of %v: %w: only user and pid namespaces have one", h, ErrInvalidType)
	}
	return h.relative(h.t, "parent", parentOf, &h.parent)
}

// OwnerID returns the ID of Owner without opening it again: an owner never changes, so it is asked for once
// and remembered.
func (h *Handle) OwnerID() (ID, error) {
	if id := h.owner.Load(); id != nil {
		return *id, nil
	}
	return idOf(h.Owner())
}

// ParentID returns the ID of Parent without opening it again.
func (h *Handle) ParentID() (ID, error) {
	if id := h.parent.Load(); id != nil {
		return *id, nil
	}
	return idOf(h.Parent())
}

// OwnerUID returns the user id that created the user namespace, as the caller's user namespace sees it
// (NS_GET_OWNER_UID); the overflow id, mostly 65534, if it is not mapped there. For other types it is that of
// the owning user namespace.
func (h *Handle) OwnerUID() (int, error) {
	if h.t == User {
		return h.ownerUID()
	}
	owner, err := h.Owner()
	if err != nil {
		return -1, err
	}
	defer owner.Close()
	return owner.ownerUID()
}

func (h *Handle) ownerUID() (uid int, err error) {
	if ctlErr := h.Control(func(fd uintptr) { uid, err = ownerUIDOf(fd) }); ctlErr != nil {
		err = ctlErr
	}
	if err != nil {
		return -1, fmt.Errorf("get owner uid of %v: %w", h, err)
	}
	return uid, nil
}

// relative opens a namespace of type t by one of the two questions that nsfs answers, and remembers its ID.
func (h *Handle) relative(t Type, what string, ask func(uintptr) (int, error), memo *atomic.Pointer[ID]) (*Handle, error) {
	var fd int
	var err error
	if ctlErr := h.Control(func(self uintptr) { fd, err = ask(self) }); ctlErr != nil {
		err = ctlErr
	}
	if err != nil {
		return nil, fmt.Errorf("open %s of %v: %w", what, h, err)
	}
	r, err := newHandle(fd, t)
	if err != nil {
		return nil, err
	}
	memo.Store(&r.id)
	return r, nil
}

func idOf(h *Handle, err error) (ID, error) {
	if err != nil {
		return ID{}, err
	}
	defer h.Close()
	return h.id, nil
}
