//go:build linux && cgo

package nsenter

import (
	"errors"
	"fmt"
	"os"

	"golang.org/x/sys/unix"

	"nsexec/internal/sockpair"
)

// The fds that stage 0 is started with. It closes all but its socket at once.
const (
	socketFD     = 3
	executableFD = 4
)

// spawnStage0 executes the calling program anew. exposed means that processes
// of the target will be able to reach it.
func spawnStage0(exposed bool) (*os.Process, *channel, error) {
	callers, stages, err := sockpair.New()
	if err != nil {
		return nil, nil, callerError("make socket", "", err)
	}
	defer stages.Close()
	p, err := startStage0(stage0Name, stages, exposed)
	if err != nil {
		callers.Close()
		return nil, nil, err
	}
	return p, newChannel(callers), nil
}

// openDirectly opens what Go's poller has no use for. os.OpenFile tries, in five system calls.
func openDirectly(path string, flag int) (*os.File, error) {
	fd, err := unix.Open(path, flag|unix.O_CLOEXEC, 0)
	if err != nil {
		return nil, &os.PathError{Op: "open", Path: path, Err: err}
	}
	return os.NewFile(uintptr(fd), path), nil
}

func startStage0(name string, socket *os.File, exposed bool) (*os.Process, error) {
	p, err := executeStage0(name, socket, exposed)
	if exposed && errors.Is(err, unix.ETXTBSY) {
		renewExecutable()
		p, err = executeStage0(name, socket, exposed)
	}
	return p, err
}

func executeStage0(name string, socket *os.File, exposed bool) (*os.Process, error) {
	files := make([]*os.File, executableFD)
	files[socketFD] = socket
	path := ownExecutable
	if exposed {
		exe, err := sealedExecutable()
		if err != nil {
			return nil, err
		}
		// It takes its place among the fds: one that only the path names could
		// be overwritten by those being put in place (golang/go 61751).
		files = append(files, exe)
		path = fmt.Sprintf("/proc/self/fd/%d", executableFD)
	}
	p, err := os.StartProcess(path, []string{name}, &os.ProcAttr{Env: stage0Env(), Files: files})
	if err != nil {
		return nil, startError(err)
	}
	return p, nil
}

// kept are the variables that have to be there before a function's payload can be
// told its environment: the dynamic loader's and the Go runtime's.
var kept = []string{
	"LD_LIBRARY_PATH", "LD_PRELOAD",
	"GODEBUG", "GOGC", "GOMAXPROCS", "GOMEMLIMIT", "GORACE", "GOTRACEBACK",
}

// stage0Env is what is needed to load the same program again, and to boot it as
// the caller was, and nothing else of the caller's. The socket's variable comes
// last: once its bytes are zero, they end the list for who reads
// /proc/self/environ, as the race detector does.
func stage0Env() []string {
	if weakEnviron {
		return append(os.Environ(), pipeSetting(socketFD))
	}
	var env []string
	for _, key := range kept {
		if value, ok := os.LookupEnv(key); ok {
			env = append(env, key+"="+value)
		}
	}
	return append(env, pipeSetting(socketFD))
}

func pipeSetting(fd int) string { return fmt.Sprintf("%s=%d", pipeVariable, fd) }

func startError(err error) *Error {
	e := callerError("start stage 0", "", err)
	var pathErr *os.PathError
	if errors.As(err, &pathErr) {
		e.Path = pathErr.Path
	}
	return e
}
