package ns

// Setns moves the calling thread into the namespace of type t at path, for good. The goroutine should be locked
// to the thread (runtime.LockOSThread) and never unlock it; Do is for coming back.
//
// If the file is a namespace of another type, the error matches ErrWrongType and names both. For user and time
// namespaces it matches ErrMultithreaded, without trying; for mnt too unless the thread has unshared its root and
// working directory (unshare(2) with CLONE_FS). PID does not move the thread itself: it sets the namespace that
// the thread's next children are born in, pid_for_children.
func Setns(path string, t Type) error { return setns(path, t) }
