package ns

import (
	"fmt"
	"os"
	"sync/atomic"
)

// ID tells one namespace from another: the device and inode that stat(2) shows for it. It is comparable. The
// kernel may give it to another namespace after the last handle, member and bind mount of this one has gone.
type ID struct {
	Dev, Ino uint64
}

// String returns the inode number alone, which is what lsns(8) and /proc/PID/ns show. All namespaces stand on
// one device.
func (id ID) String() string { return fmt.Sprint(id.Ino) }

// Handle is an open namespace. It keeps the namespace alive until Close, is closed on exec, and is safe for
// concurrent use. After Close its methods return an error that matches os.ErrClosed; Type and ID still answer.
type Handle struct {
	file *os.File
	t    Type
	id   ID

	// The owner and the parent of a namespace never change, and live as long as it does.
	owner, parent atomic.Pointer[ID]

	backProved atomic.Bool // see letsBack
}

// Open opens a namespace by path: an entry of /proc/PID/ns, or a bind mount of one. Its type is learnt from the
// kernel. If the file is something else, the error matches ErrNotNamespace and says what it is. FIFOs and
// devices do not block it.
func Open(path string) (*Handle, error) {
	fd, t, err := openPath(path)
	if err != nil {
		return nil, err
	}
	return newHandle(fd, t)
}

// OpenPID opens the namespace of type t that the process pid is in. The handle is certainly of the process that
// had this pid at the time of the call: see OfPID. ErrProcessGone, os.ErrPermission and ErrAbsent tell what went wrong.
func OpenPID(pid int, t Type) (*Handle, error) {
	if err := t.checkOne(); err != nil {
		return nil, fmt.Errorf("open namespace of process %d: %w", pid, err)
	}
	s, err := OfPID(pid, t)
	if err != nil {
		return nil, err
	}
	s.dropProcess()
	return s.Handle(t), nil
}

// Current opens the namespace of type t that the calling thread is in. Unless the goroutine is locked to its
// thread, the answer is that of any thread of the process. For a pid namespace it is the one that the thread
// lives in, not the one that its children will be born in.
func Current(t Type) (*Handle, error) {
	if err := t.checkOne(); err != nil {
		return nil, fmt.Errorf("open current namespace: %w", err)
	}
	fd, err := openCurrent(t)
	if err != nil {
		return nil, fmt.Errorf("open current %s: %w", t.label(), err)
	}
	return newHandle(fd, t)
}

// Inode returns the inode number of the namespace of type t that the process pid is in.
// errors.Is(err, ErrProcessGone) when there is no such process.
func Inode(pid int, t Type) (uint64, error) {
	h, err := OpenPID(pid, t)
	if err != nil {
		return 0, err
	}
	defer h.Close()
	return h.id.Ino, nil
}

// newHandle takes over fd, which is a namespace of type t.
func newHandle(fd int, t Type) (*Handle, error) {
	id, err := identify(fd)
	if err != nil {
		closeFD(fd)
		return nil, fmt.Errorf("stat %s: %w", t.label(), err)
	}
	return &Handle{file: os.NewFile(uintptr(fd), t.label()), t: t, id: id}, nil
}

// Type returns the namespace's type: exactly one.
func (h *Handle) Type() Type { return h.t }

// ID returns the namespace's device and inode, as they were learnt at opening.
func (h *Handle) ID() ID { return h.id }

// Equal tells whether both are handles on the same namespace.
func (h *Handle) Equal(other *Handle) bool {
	return h != nil && other != nil && h.id == other.id
}

// String returns the type and the inode as /proc/PID/ns shows them: "net:[4026531833]".
func (h *Handle) String() string { return fmt.Sprintf("%s:[%d]", h.t.Name(), h.id.Ino) }

// Fd returns the file descriptor, which belongs to the handle: it is invalid after Close, or once the handle
// is garbage. Control is the safe way to use it.
func (h *Handle) Fd() uintptr { return h.file.Fd() }

// Control calls fn with the file descriptor, which stays open until fn returns, whoever closes the handle
// meanwhile. It returns an error that matches os.ErrClosed, and does not call fn, after Close.
func (h *Handle) Control(fn func(fd uintptr)) error { return control(h.file, fn) }

// Close closes the handle. A second Close returns an error that matches os.ErrClosed.
func (h *Handle) Close() error { return h.file.Close() }

// dup returns a second handle on the same namespace.
func (h *Handle) dup() (*Handle, error) {
	file, err := dupFile(h.file)
	if err != nil {
		return nil, fmt.Errorf("duplicate %v: %w", h, err)
	}
	d := &Handle{file: file, t: h.t, id: h.id}
	d.owner.Store(h.owner.Load())
	d.parent.Store(h.parent.Load())
	return d, nil
}

// label is how errors call one type: "net namespace".
func (t Type) label() string {
	if i := t.index(); i >= 0 {
		return kinds[i].label
	}
	return t.String() + " namespaces"
}

// control calls fn with f's descriptor held open.
func control(f *os.File, fn func(fd uintptr)) error {
	conn, err := f.SyscallConn()
	if err != nil {
		return err
	}
	if conn.Control(fn) != nil {
		return os.ErrClosed // the only way to fail, for which RawConn has an error that matches nothing
	}
	return nil
}

// dupFile duplicates f, closed on exec.
func dupFile(f *os.File) (*os.File, error) {
	var fd int
	var dupErr error
	if err := control(f, func(old uintptr) { fd, dupErr = dupFD(old) }); err != nil {
		return nil, err
	}
	if dupErr != nil {
		return nil, dupErr
	}
	return os.NewFile(uintptr(fd), f.Name()), nil
}
