//go:build linux && cgo

package nsenter

import (
	"bytes"
	"encoding/binary"
	"errors"
	"os"
	"strconv"
	"unsafe"

	"golang.org/x/sys/unix"

	"nsexec/internal/procfs"
	"nsexec/internal/raw"
)

// inheritance is what a process has of its parent by birth, and a launcher's
// payload therefore of the launcher.
type inheritance struct {
	blocked uint64 // signals, by the calling thread: 1 << (signal - 1)
	nice    int
	cpus    []byte // a mask, as the kernel has it
	limits  [numLimits]unix.Rlimit
	dir     directory
}

const (
	numLimits = 16   // RLIM_NLIMITS
	maxCPUs   = 8192 // CONFIG_NR_CPUS at most
)

// inheritanceNow is what a child of the calling thread would have.
func inheritanceNow() (in inheritance, err error) {
	for i := range in.limits {
		if err := raw.Getrlimit(i, &in.limits[i]); err != nil {
			return in, callerError("get resource limit", strconv.Itoa(i), err)
		}
	}
	priority, err := unix.Getpriority(unix.PRIO_PROCESS, 0)
	if err != nil {
		return in, callerError("get nice value", "", err)
	}
	in.nice = 20 - priority // as the system call has it: 40 to 1
	if in.cpus, err = processors(); err != nil {
		return in, callerError("get processors", "", err)
	}
	if in.blocked, err = blockedSignals(); err != nil {
		return in, callerError("get blocked signals", "", err)
	}
	in.dir = workingDirectory()
	return in, nil
}

// lateInheritance is what goes with GO.
type lateInheritance struct {
	umask   uint32
	ignored uint64 // signals
}

// inheritLate is nothing for a stage 0 that has it all by birth.
func (l *launch) inheritLate() (in lateInheritance, err error) {
	if l.launcher == nil {
		return in, nil
	}
	in.umask, in.ignored, err = readStatus(l.launcher.status)
	if errors.Is(err, os.ErrClosed) {
		return in, errLauncherClosed()
	}
	if err != nil {
		return in, callerError("read", l.launcher.status.Name(), err)
	}
	return in, nil
}

// readStatus takes the two out of /proc/self/status that no system call tells
// without changing it, or without asking 64 times. It takes the kernel 15 us. Between
// them stand the groups: up to 65,536, with eleven bytes each.
func readStatus(status *os.File) (umask uint32, ignored uint64, err error) {
	text, err := readWhole(status, 4096)
	if err != nil {
		return 0, 0, err
	}
	mask, err := strconv.ParseUint(procfs.Field(text, "Umask:"), 8, 32)
	if err != nil {
		return 0, 0, err
	}
	ignored, err = strconv.ParseUint(procfs.Field(text, "SigIgn:"), 16, 64)
	return uint32(mask), ignored, err
}

func processors() ([]byte, error) {
	set := unix.NewCPUSet(maxCPUs)
	if err := unix.SchedGetaffinityDynamic(0, set); err != nil {
		return nil, err
	}
	size := len(set) * int(unsafe.Sizeof(set[0]))
	return unsafe.Slice((*byte)(unsafe.Pointer(&set[0])), size), nil
}

func blockedSignals() (uint64, error) {
	var set unix.Sigset_t
	err := unix.PthreadSigmask(0, nil, &set)
	return *(*uint64)(unsafe.Pointer(&set)), err // there are 64, whatever the words are
}

// directory identifies one, and where it is mounted.
type directory struct {
	major, minor uint32
	inode, mount uint64
}

// workingDirectory is zero where the kernel cannot tell (before 5.8, or a filter's doing).
func workingDirectory() directory {
	const mask = unix.STATX_INO | unix.STATX_MNT_ID
	var st unix.Statx_t
	if unix.Statx(unix.AT_FDCWD, "", unix.AT_EMPTY_PATH, mask, &st) != nil || st.Mask&mask != mask {
		return directory{}
	}
	return directory{st.Dev_major, st.Dev_minor, st.Ino, st.Mnt_id}
}

// since is what has to be changed for a payload of a launcher that was born with before.
func (in *inheritance) since(before *inheritance) *inherited {
	out := &inherited{blocked: in.blocked, nice: in.nice, here: -1}
	if !bytes.Equal(in.cpus, before.cpus) {
		out.cpus = in.cpus
	}
	for i, limit := range in.limits {
		if limit != before.limits[i] {
			out.limits = append(out.limits, changedLimit{i, limit})
		}
	}
	return out
}

// inherited is how that travels.
type inherited struct {
	blocked uint64
	nice    int
	cpus    []byte
	limits  []changedLimit
	here    int // index of the working directory among the fds; -1: the launcher's
}

type changedLimit struct {
	resource int
	unix.Rlimit
}

// appendBody adds struct nsenter_limit limits[], uint64_t cpus[].
func (in *inherited) appendBody(b []byte) []byte {
	if in == nil {
		return b
	}
	for _, limit := range in.limits {
		for _, v := range []uint64{uint64(limit.resource), limit.Cur, limit.Max} {
			b = binary.NativeEndian.AppendUint64(b, v)
		}
	}
	return append(b, in.cpus...)
}
