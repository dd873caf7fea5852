//go:build linux

package main

import (
	"fmt"
	"runtime"
	"strconv"
	"sync"
	"sync/atomic"

	"golang.org/x/sys/unix"

	"nsexec/internal/nsfs"
	"nsexec/internal/raw"
	"nsexec/ns"
)

// bareCalls makes the system calls that List makes for processes such as targets', on all processors, and nothing else: it
// keeps no account of what they say. It needs Linux 6.18.
func bareCalls(pids []int) (*lister, func(), error) {
	root, err := mountProc()
	if err != nil {
		return nil, nil, err
	}
	var own []*ns.Handle // what List keeps open as well
	for _, t := range ns.All.Types() {
		h, err := ns.Current(t)
		if err != nil {
			return nil, nil, err
		}
		own = append(own, h)
	}
	done := func() {
		raw.Close(root)
		for _, h := range own {
			h.Close()
		}
	}
	return timed("its calls alone", func() error {
		var next atomic.Int64
		var wg sync.WaitGroup
		for range runtime.GOMAXPROCS(0) {
			wg.Go(func() {
				for i := int(next.Add(1)) - 1; i < len(pids); i = int(next.Add(1)) - 1 {
					askBare(root, pids[i])
				}
			})
		}
		wg.Wait()
		return nil
	}), done, nil
}

// mountProc mounts a procfs as package procfs does.
func mountProc() (int, error) {
	fs, err := unix.Fsopen("proc", unix.FSOPEN_CLOEXEC)
	if err != nil {
		return -1, fmt.Errorf("fsopen proc: %w", err)
	}
	defer unix.Close(fs)
	if err := unix.FsconfigSetString(fs, "subset", "pid"); err != nil {
		return -1, fmt.Errorf("fsconfig subset=pid: %w", err)
	}
	if err := unix.FsconfigCreate(fs); err != nil {
		return -1, fmt.Errorf("fsconfig create: %w", err)
	}
	return unix.Fsmount(fs, unix.FSMOUNT_CLOEXEC, unix.MOUNT_ATTR_RDONLY|unix.MOUNT_ATTR_NOATIME)
}

// askBare is for one process. What fails has gone.
func askBare(root, pid int) {
	dir, err := raw.Openat(root, strconv.Itoa(pid), unix.O_PATH|unix.O_DIRECTORY|unix.O_NOFOLLOW)
	if err != nil {
		return
	}
	defer raw.Close(dir)
	pidfd, err := raw.PidfdOpen(pid)
	if err != nil {
		return
	}
	defer raw.Close(pidfd)
	for _, t := range ns.All.Types() {
		askNamespace(pidfd, t)
	}
	var st unix.Stat_t
	var line [1024]byte
	_ = unix.Fstatat(dir, "task", &st, 0)
	how := unix.OpenHow{Flags: unix.O_RDONLY | unix.O_CLOEXEC, Resolve: unix.RESOLVE_NO_XDEV | unix.RESOLVE_NO_SYMLINKS}
	if fd, err := unix.Openat2(dir, "cmdline", &how); err == nil {
		_, _ = unix.Read(fd, line[:])
		raw.Close(fd)
	}
	_ = unix.Fstatat(dir, "fd", &st, 0)
	for fd := range int(st.Size) {
		_, _ = raw.Readlinkat(dir, "fd/"+strconv.Itoa(fd), line[:64])
	}
}

// askNamespace asks the two that are the process's own for more.
func askNamespace(pidfd int, t ns.Type) {
	fd, err := nsfs.OpenPIDFD(pidfd, uint64(t))
	if err != nil {
		return
	}
	defer raw.Close(fd)
	_, _ = nsfs.ID(fd)
	if t != ns.UTS && t != ns.IPC {
		return
	}
	var st unix.Stat_t
	_ = unix.Fstat(fd, &st)
	if owner, err := nsfs.UserNS(fd); err == nil {
		_, _ = nsfs.ID(owner)
		raw.Close(owner)
	}
}
