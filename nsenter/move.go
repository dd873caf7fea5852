//go:build linux && cgo

package nsenter

import (
	"bytes"
	"os"
	"runtime"
	"slices"
	"strings"

	"golang.org/x/sys/unix"

	"nsexec/ns"
)

// move is a Reexec on its way to execve.
type move struct {
	cmd      *Cmd // what a request is made from: nothing is started
	plan     plan
	files    []*os.File
	inherits []int // their fds
	child    bool  // a new process is wanted, if need be
	fresh    bool  // the namespaces have been made for this, and nobody is in them
}

func reexeced() bool {
	done, _ := movedHere()
	return done
}

// settled tells that there is nothing to be done: this is the image that was to
// be, or a Reexec has failed, and would do so again and again.
func settled(set *ns.Set) (bool, error) {
	done, failure := movedHere()
	if failure != nil {
		return true, explain(failure, sceneOf(set))
	}
	if done {
		return true, nil
	}
	err := Available()
	return err != nil, err
}

func reexec(set *ns.Set, files []*os.File, child bool) error {
	if is, err := settled(set); is {
		return err
	}
	return (&move{cmd: &Cmd{set: set}, files: files, child: child}).run()
}

// run returns only if nothing has happened. It is the thread that executes whose
// namespaces and credentials the program keeps.
func (m *move) run() (err error) {
	runtime.LockOSThread()
	defer runtime.UnlockOSThread()

	if m.plan, err = makePlan(m.cmd.set, joinAuto, currentID); err != nil {
		return explain(err, m.scene())
	}
	defer m.plan.close()
	m.plan.create = m.cmd.Unshare
	if err := m.checkPID(); err != nil {
		return err
	}
	if err := checkNamed(m.files); err != nil {
		return err
	}
	return explain(m.hold(0, m.ask), m.scene())
}

// checkPID: what the calling thread's children would be born in may be another
// pid namespace than its own, so the plan does not tell all.
func (m *move) checkPID() error {
	if !m.cmd.joins(ns.PID) {
		return nil
	}
	own, err := ns.Current(ns.PID)
	if err != nil {
		return callerError("find own pid namespace", "", err)
	}
	defer own.Close()
	joined := m.plan.types()&ns.PID != 0
	if joined && m.child || !joined && own.Equal(m.cmd.set.Handle(ns.PID)) {
		return nil
	}
	return &Error{Op: "join", Type: ns.PID, Errno: unix.EINVAL,
		Hint: "a process cannot change its own pid namespace, it can only have children there: see ReexecChild"}
}

// checkNamed refuses what cannot stay open.
func checkNamed(files []*os.File) error {
	if slices.Contains(files, nil) {
		return callerError("keep file", "", os.ErrInvalid)
	}
	return checkOpen(files)
}

// hold calls fn while all of the files are held open: see asking.withNamespaces.
func (m *move) hold(i int, fn func() error) (err error) {
	if i == len(m.files) {
		return fn()
	}
	conn, err := m.files[i].SyscallConn()
	if err != nil {
		return callerError("keep file", m.files[i].Name(), err)
	}
	held := conn.Control(func(fd uintptr) {
		m.inherits = append(m.inherits, int(fd))
		err = m.hold(i+1, fn)
	})
	if held != nil {
		return callerError("keep file", m.files[i].Name(), os.ErrClosed)
	}
	return err
}

// ask makes the request, and executes while all that it names is held open.
func (m *move) ask() error {
	comm, err := ownComm()
	if err != nil {
		return err
	}
	q := &asking{cmd: m.cmd, plan: &m.plan}
	r := &request{plan: m.plan, pidfd: -1, root: -1, cwd: -1, input: -1, output: -1, argv: []string{comm}}
	q.addCredential(r)
	r.noSetgroups = r.noSetgroups || m.fresh
	defer runtime.KeepAlive(q)
	return q.withNamespaces(r, 0, func() error { return m.execute(r) })
}

func (m *move) execute(r *request) error {
	message, err := r.marshal()
	if err != nil {
		return err
	}
	memfd, err := newMoveRequest(append(moveHeader(os.Getpid(), r.fds), message...))
	if err != nil {
		return err
	}
	defer memfd.Close()
	path, err := movedExecutable(!m.fresh && m.plan.exposes())
	if err != nil {
		return err
	}
	args, err := ownArgs()
	if err != nil {
		return err
	}
	fd := int(memfd.Fd())
	return executeSelf(path, args, movedEnv(fd), slices.Concat(m.inherits, r.fds, []int{fd}))
}

// newMoveRequest is a memfd that nobody can change any more.
func newMoveRequest(message []byte) (*os.File, error) {
	fd, err := unix.MemfdCreate("request", unix.MFD_CLOEXEC|unix.MFD_ALLOW_SEALING)
	if err != nil {
		return nil, callerError("make memory for request", "", err)
	}
	memfd := os.NewFile(uintptr(fd), "request")
	if _, err = memfd.Write(message); err == nil {
		err = seal(memfd)
	}
	if err != nil {
		memfd.Close()
		return nil, callerError("write request", "", err)
	}
	return memfd, nil
}

func ownComm() (string, error) {
	comm, err := os.ReadFile("/proc/self/comm")
	if err != nil {
		return "", callerError("read own name", "", err)
	}
	return strings.TrimSuffix(string(comm), "\n"), nil
}

// ownArgs are those that the program was started with, whatever it has made of
// os.Args.
func ownArgs() ([]string, error) {
	line, err := os.ReadFile("/proc/self/cmdline")
	if err != nil {
		return nil, callerError("read own arguments", "", err)
	}
	return strings.Split(string(bytes.TrimSuffix(line, []byte{0})), "\x00"), nil
}

// movedEnv is the environment with the variable at its end: see stage0Env.
func movedEnv(memfd int) []string {
	env := slices.DeleteFunc(os.Environ(), func(kv string) bool {
		return strings.HasPrefix(kv, pipeVariable+"=") // the constructor takes the first
	})
	return append(env, pipeSetting(memfd))
}
