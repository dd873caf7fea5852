//go:build linux && cgo

package nsenter_test

import (
	"os"
	"os/exec"
	"runtime"
	"strconv"
	"strings"
	"syscall"

	"golang.org/x/sys/unix"

	"nsexec/ns"
	"nsexec/nsenter"
)

// ways of moving: each takes a target's pid and types.
var ways = map[string]func(set *ns.Set, files ...*os.File) error{
	"process": nsenter.Reexec,
	"child":   nsenter.ReexecChild,
	"handles": func(set *ns.Set, files ...*os.File) error {
		if set != nil {
			set = bareSet(set)
		}
		return nsenter.Reexec(set, files...)
	},
	// partly is bound to fail at the second join: a mount namespace takes CAP_SYS_CHROOT.
	"partly": func(set *ns.Set, files ...*os.File) error {
		if err := unix.Prctl(unix.PR_CAPBSET_DROP, unix.CAP_SYS_CHROOT, 0, 0, 0); err != nil {
			return err
		}
		return nsenter.Reexec(bareSet(set), files...)
	},
	// dead is a pid namespace whose first process is no more.
	"dead": func(set *ns.Set, files ...*os.File) error {
		if set == nil { // it has been done
			return nsenter.ReexecChild(set, files...)
		}
		_ = set.Process(func(pid int, pidfd uintptr) {
			_ = syscall.Kill(pid, syscall.SIGKILL)
			_, _ = unix.Poll([]unix.PollFd{{Fd: int32(pidfd), Events: unix.POLLIN}}, -1)
		})
		return nsenter.ReexecChild(set, files...)
	},
	"mortal": func(set *ns.Set, files ...*os.File) error {
		if err := unix.Prctl(unix.PR_SET_PDEATHSIG, uintptr(unix.SIGURG), 0, 0, 0); err != nil {
			return err
		}
		if err := exec.Command("sh", "-c", "sleep 0.05; exit 7").Start(); err != nil {
			return err
		}
		return nsenter.Reexec(set, files...)
	},
	"too long": func(set *ns.Set, files ...*os.File) error {
		os.Setenv("LONG", strings.Repeat("x", 1<<20))
		return nsenter.Reexec(set, files...)
	},
	"closed set": func(set *ns.Set, files ...*os.File) error {
		set.Close()
		return nsenter.Reexec(set, files...)
	},
	"closed file": func(set *ns.Set, files ...*os.File) error {
		files[0].Close()
		return nsenter.Reexec(set, files...)
	},
	"no file": func(set *ns.Set, files ...*os.File) error { return nsenter.Reexec(set, append(files, nil)...) },
	"unshared": func(_ *ns.Set, files ...*os.File) error {
		return nsenter.ReexecUnshared(ns.Mount|ns.UTS|ns.Time, files...)
	},
	"unshared pid": func(_ *ns.Set, files ...*os.File) error { return nsenter.ReexecUnshared(ns.PID, files...) },
}

// bareSet is the same without the process, which then joins one by one.
func bareSet(set *ns.Set) *ns.Set {
	var handles []*ns.Handle
	for _, t := range set.Types().Types() {
		handles = append(handles, set.Handle(t))
	}
	bare, _ := ns.NewSet(handles...)
	return bare
}

// moveAs moves in a way to the namespaces given by pairs of a pid and a mask.
func moveAs(way string, targets []string) error {
	runtime.LockOSThread()
	set, err := setOfTargets(targets)
	if err != nil && !nsenter.Reexeced() && nsenter.MoveFailure() == nil {
		return err
	}
	file := os.NewFile(namedFile, "named")
	defer runtime.KeepAlive(file)
	return ways[way](set, file)
}

func setOfTargets(targets []string) (all *ns.Set, err error) {
	for ; len(targets) > 1 && targets[0] != ""; targets = targets[2:] {
		pid, _ := strconv.Atoi(targets[0])
		mask, _ := strconv.ParseUint(targets[1], 0, 64)
		set, err := ns.OfPID(pid, ns.Type(mask))
		if err != nil {
			return nil, err
		}
		if all == nil {
			all = set
			continue
		}
		for _, t := range set.Types().Types() {
			if all, err = all.With(set.Handle(t)); err != nil {
				return nil, err
			}
		}
	}
	return all, nil
}
