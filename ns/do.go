package ns

// Do runs fn inside the namespace, on the calling goroutine's thread, which goes back to where it was.
//
// It is for the types that a single thread can join: net, uts, ipc, cgroup and mnt. A namespace that the thread is
// in already is nothing to join, whatever its type. For user and time namespaces, which the kernel joins in
// single-threaded processes only, the error matches ErrMultithreaded; for pid namespaces, which no thread ever
// changes, errors.ErrUnsupported. A program in any of them can be had from package nsenter.
//
// The goroutine is locked to its thread while fn runs, so Do may be nested: namespaces of different types add
// up, and one of the same type holds until its own fn returns. Goroutines that fn starts are not inside. Where
// the thread was is asked of the kernel, not assumed, and it goes back there however fn ends: by returning,
// by a panic, by runtime.Goexit. If it cannot, the error matches ErrThreadTainted, and the goroutine stays locked to
// the thread, so that it ends with the goroutine and nobody else ever runs on it: return from the goroutine soon.
//
// Three cases take a thread of their own, on which fn runs while the caller waits, in the other namespaces that the
// caller's thread is in: mnt, because the thread has to unshare its root and working directory, which cannot be
// undone; a namespace that one may enter but not return from, as the root of a user namespace whose other namespaces
// belong to the parent one; and a caller on the process's main thread, which Go could not end if it had to.
//
// The first Do of each type opens the namespace that the process lives in, and keeps it open: one descriptor.
//
// fn's error is returned as it is. Errors of joining match os.ErrPermission (CAP_SYS_ADMIN is needed in the
// user namespace that owns the namespace, and in the caller's own) or os.ErrClosed; then fn has not been called.
func (h *Handle) Do(fn func() error) error { return do(h, fn) }

// Do runs fn inside all of the set's namespaces: as Handle.Do for each of them, one in another.
func (s *Set) Do(fn func() error) error {
	// mnt first, for it takes another thread, which the others then need not be carried to.
	if h := s.Handle(Mount); h != nil {
		inner := fn
		fn = func() error { return s.doFrom(0, inner) }
		return do(h, fn)
	}
	return s.doFrom(0, fn)
}

// doFrom nests the namespaces from place i on, but mnt.
func (s *Set) doFrom(i int, fn func() error) error {
	for ; i < len(s.handles); i++ {
		if h := s.handles[i]; h != nil && h.t != Mount {
			return do(h, func() error { return s.doFrom(i+1, fn) })
		}
	}
	return fn()
}
