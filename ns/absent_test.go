//go:build linux

package ns

import (
	"errors"
	"fmt"
	"os"
	"testing"

	"golang.org/x/sys/unix"

	"nsexec/internal/nsfs"
	"nsexec/internal/testutil"
)

// PROBLEMS 24: on a kernel without time namespaces All has seven types, and asking for the eighth is an error.
func TestProblem24AllSkipsWhatIsAbsent(t *testing.T) {
	testutil.Needs(t, "pidfd_open", "ioctl:pidfd")
	if oldKernel() {
		return // procfs cannot be made to lack one
	}
	testutil.NeedFeature(t, nsfs.PIDFDNamespaces)
	if out, err := helperCommand("lacks time").CombinedOutput(); err != nil {
		t.Errorf("%v: %s", err, out)
	}
}

func init() {
	helpers["lacks time"] = func() error {
		supportedTypes.Store(uint64(All &^ Time))
		const getTime = 0xff07 // PIDFD_GET_TIME_NAMESPACE
		if err := refuseIoctl(getTime, unix.EOPNOTSUPP); err != nil {
			return err
		}
		s, err := OfPID(os.Getpid(), All)
		if err != nil {
			return err
		}
		defer s.Close()
		if s.Types() != All&^Time || s.Handle(Time) != nil {
			return fmt.Errorf("has %v", s.Types())
		}
		for _, t := range []Type{Time, Time | Net} {
			if _, err := OfPID(os.Getpid(), t); !errors.Is(err, ErrAbsent) || !errors.Is(err, errors.ErrUnsupported) {
				return fmt.Errorf("asked for %v: %w", t, err)
			}
		}
		return nil
	}
}

// refuseIoctl makes one request of ioctl(2) fail, for all threads and for good.
func refuseIoctl(request uint32, errno unix.Errno) error {
	const nr, arg1 = 0, 16 + 8 // in struct seccomp_data; the lower half on little-endian machines
	return testutil.SetFilter([]unix.SockFilter{
		{Code: unix.BPF_LD | unix.BPF_W | unix.BPF_ABS, K: nr},
		{Code: unix.BPF_JMP | unix.BPF_JEQ | unix.BPF_K, Jf: 2, K: unix.SYS_IOCTL},
		{Code: unix.BPF_LD | unix.BPF_W | unix.BPF_ABS, K: arg1},
		{Code: unix.BPF_JMP | unix.BPF_JEQ | unix.BPF_K, Jt: 1, K: request},
		{Code: unix.BPF_RET | unix.BPF_K, K: 0x7fff0000},                 // SECCOMP_RET_ALLOW
		{Code: unix.BPF_RET | unix.BPF_K, K: 0x00050000 | uint32(errno)}, // SECCOMP_RET_ERRNO
	})
}
