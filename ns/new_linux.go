package ns

import (
	"errors"
	"fmt"
	"os"
	"syscall"
	"time"

	"golang.org/x/sys/unix"

	"nsexec/internal/nsfs"
	"nsexec/internal/procfs"
)

func newNamespace(t Type) (h *Handle, err error) {
	if t == User {
		return newUser()
	}
	var tid int
	err = onOtherThread(func() error {
		tid = unix.Gettid()
		if err := unix.Unshare(int(t)); err != nil {
			return err
		}
		fd, err := openUnshared(t)
		if err != nil {
			return err
		}
		h, err = newHandle(fd, t)
		return err
	}, disposable)
	awaitThreadEnd(tid)
	return h, err
}

// awaitThreadEnd lets nobody be seen in a new namespace any more. Go ends a disposable thread at once, but does not wait.
func awaitThreadEnd(tid int) {
	for begun := time.Now(); time.Since(begun) < time.Second; time.Sleep(20 * time.Microsecond) {
		if tid == 0 || unix.Tgkill(mainThread, tid, 0) != nil {
			return
		}
	}
}

// openUnshared opens what unshare(2) has just made: pid and time namespaces are for the thread's children.
func openUnshared(t Type) (int, error) {
	switch t {
	case PID:
		return openNewPID()
	case Time:
		dir, done, err := procfs.OpenThreadNS()
		if err != nil {
			return -1, err
		}
		defer done()
		defer dir.Close()
		return openEntry(dir, "time_for_children", Time)
	}
	return openCurrent(t)
}

// openNewPID: procfs shows pid_for_children only when the namespace has an init; the pidfd's ioctl does not mind.
func openNewPID() (int, error) {
	if !nsfs.PIDFDNamespaces.Has() {
		return -1, fmt.Errorf("%w: needs Linux 6.11", errors.ErrUnsupported)
	}
	pidfd, err := unix.PidfdOpen(unix.Gettid(), unix.PIDFD_THREAD)
	if err != nil {
		return -1, err
	}
	defer unix.Close(pidfd)
	return nsfs.OpenPIDForChildren(pidfd)
}

// newUser takes the namespace from a process, because no thread of a multi-threaded one may make one. The
// process is stopped by ptrace(2) at its execve, before it runs a single instruction of the program, and then killed.
func newUser() (h *Handle, err error) {
	err = onOtherThread(func() error { // only the thread that has forked the tracee may wait for its stop
		pid, err := syscall.ForkExec("/proc/self/exe", []string{"new user namespace"}, &syscall.ProcAttr{
			Env: []string{},
			Sys: &syscall.SysProcAttr{
				Ptrace:      true,
				Pdeathsig:   syscall.SIGKILL, // a tracee is let go when its tracer dies: it must not become a second us
				Cloneflags:  unix.CLONE_NEWUSER,
				UidMappings: []syscall.SysProcIDMap{{ContainerID: 0, HostID: os.Geteuid(), Size: 1}},
				GidMappings: []syscall.SysProcIDMap{{ContainerID: 0, HostID: os.Getegid(), Size: 1}},
			},
		})
		if err != nil {
			return err
		}
		defer killAndReap(pid)
		h, err = OpenPID(pid, User)
		return err
	}, disposable)
	return h, err
}

// killAndReap waits until the tracee has died; before that its stop is reported.
func killAndReap(pid int) {
	_ = syscall.Kill(pid, syscall.SIGKILL) // it is ours, and stopped: it can be killed
	var status syscall.WaitStatus
	for {
		_, err := syscall.Wait4(pid, &status, syscall.WALL, nil)
		if !errors.Is(err, syscall.EINTR) && (err != nil || status.Exited() || status.Signaled()) {
			return
		}
	}
}
