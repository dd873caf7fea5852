package ns

// The errors that callers tell apart with errors.Is. What is returned wraps one of them and names the path,
// the process and the types concerned.
var (
	// ErrProcessGone: there is no such process, or no longer. It also matches syscall.ESRCH.
	ErrProcessGone error = &sentinel{"no such process", errnoGone}
	// ErrNotNamespace: the file is something else, which the error names.
	ErrNotNamespace error = &sentinel{msg: "not a namespace"}
	// ErrInvalidType: a Type that is not exactly one type where one is needed, or has unknown bits.
	ErrInvalidType error = &sentinel{msg: "invalid namespace type"}
	// ErrWrongType: a namespace of another type than the one asked for.
	ErrWrongType error = &sentinel{msg: "wrong namespace type"}
	// ErrDuplicateType: two handles of one type for one Set.
	ErrDuplicateType error = &sentinel{msg: "two namespaces of one type"}
	// ErrEmptySet: a Set of nothing was asked for.
	ErrEmptySet error = &sentinel{msg: "no namespace in the set"}
	// ErrNoProcess: the Set was not taken from one process, or that process could not be had as a pidfd.
	ErrNoProcess error = &sentinel{msg: "set has no process"}
	// ErrMultithreaded: the kernel joins a namespace of this type only in a process with a single thread, which no
	// Go program is; for mnt, only with a thread that shares its root and working directory with no other.
	ErrMultithreaded error = &sentinel{msg: "impossible in a multi-threaded process"}
	// ErrThreadTainted: the thread could not go back to the namespace that it came from. The goroutine stays locked
	// to it, and the thread ends with the goroutine.
	ErrThreadTainted error = &sentinel{msg: "thread is stuck in a namespace"}
	// ErrNotInNamespace: a process that is neither in the pid namespace nor below it.
	ErrNotInNamespace error = &sentinel{msg: "process is not in the namespace"}
	// ErrNotPinned: a namespace, but not a bind mount of one.
	ErrNotPinned error = &sentinel{msg: "not a bind mount"}
	// ErrAbsent: the kernel, or the process, has no namespace of this type. It also matches errors.ErrUnsupported.
	ErrAbsent error = &sentinel{"no such namespace type here", errnoAbsent}
)

// A sentinel is an error of this package that may match an errno as well.
type sentinel struct {
	msg   string
	errno error
}

func (e *sentinel) Error() string { return e.msg }

func (e *sentinel) Is(target error) bool { return e.errno != nil && target == e.errno }
