//go:build linux

package ns

import (
	"errors"
	"fmt"
	"os"
	"os/exec"
	"syscall"
	"testing"

	"golang.org/x/sys/unix"

	"nsexec/internal/kernel"
	"nsexec/internal/nsfs"
	"nsexec/internal/procfs"
	"nsexec/internal/testutil"
)

// PROBLEMS 10: a pid is given to another process between one look and the next. In a pid namespace of our own the
// kernel lets us say which pid comes next.
func TestRecycledPIDNeverSlipsIn(t *testing.T) {
	testutil.Needs(t, "pidfd_open", "pidfd_send_signal")
	if _, err := os.Stat("/proc/sys/kernel/ns_last_pid"); err != nil {
		testutil.Skipf(t, "needs ns_last_pid: CONFIG_CHECKPOINT_RESTORE")
	}
	cmd := helperCommand("reuse-pid")
	cmd.SysProcAttr = &syscall.SysProcAttr{
		Cloneflags:  uintptr(User | PID | Mount),
		UidMappings: []syscall.SysProcIDMap{{ContainerID: 0, HostID: os.Getuid(), Size: 1}},
		GidMappings: []syscall.SysProcIDMap{{ContainerID: 0, HostID: os.Getgid(), Size: 1}},
	}
	if out, err := cmd.CombinedOutput(); err != nil {
		t.Errorf("%v: %s", err, out)
	}
}

func init() { helpers["reuse-pid"] = reusePID }

func reusePID() error {
	if err := unix.Mount("", "/", "", unix.MS_REC|unix.MS_PRIVATE, ""); err != nil {
		return err
	}
	if err := unix.Mount("proc", "/proc", "proc", 0, ""); err != nil {
		return err
	}
	for _, force := range []kernel.Answer{kernel.Yes, kernel.No} {
		if err := reuseOnce(force); err != nil {
			return fmt.Errorf("with the pidfd's ioctls %v: %w", force, err)
		}
	}
	return nil
}

func reuseOnce(force kernel.Answer) error {
	first := exec.Command("sleep", "1000")
	if err := first.Start(); err != nil {
		return err
	}
	pid := first.Process.Pid
	pidfd, err := unix.PidfdOpen(pid, 0)
	if err != nil {
		return err
	}
	early, err := OfPID(pid, All)
	if err != nil {
		return err
	}
	dir, err := procfs.OpenNS(pid)
	if err != nil {
		return err
	}
	listed, err := procfs.OpenProcess(pid)
	if err != nil {
		return err
	}
	first.Process.Kill()
	first.Wait()
	second, err := startAs(pid)
	if err != nil {
		return err
	}
	defer second.Wait()
	defer second.Process.Kill()

	if force == kernel.No || nsfs.PIDFDNamespaces.Has() {
		defer nsfs.PIDFDNamespaces.Force(force)()
	}
	for _, typ := range []Type{All, Net, User} {
		if s, err := OfPIDFD(pidfd, typ); !errors.Is(err, ErrProcessGone) {
			return fmt.Errorf("%v of the dead by its pidfd: %v, %v", typ, s, err)
		}
		// What OfPID would do if the pid changed hands right after its pidfd_open.
		own, _ := dupFD(uintptr(pidfd))
		if s, err := setOfPIDFD(&process{pid: pid, pidfd: os.NewFile(uintptr(own), "pidfd")}, typ); !errors.Is(err, ErrProcessGone) {
			return fmt.Errorf("%v of the newcomer: %v, %v", typ, s, err)
		}
	}
	if fd, err := openNSAt(dir, User); err == nil {
		return fmt.Errorf("the directory of the dead opens %d", fd)
	}
	if !dirGone(dir) {
		return errors.New("the directory of the dead looks alive")
	}
	// What List would do.
	l := newSurvey(All).lister()
	l.read(&subject{listed, notOpen})
	for _, row := range l.rows {
		if row.Members > 0 {
			return fmt.Errorf("the newcomer is listed as the dead: %+v", row.Namespace)
		}
	}
	// A late signal hits nobody.
	var late error
	if err := early.Process(func(_ int, pidfd uintptr) {
		late = unix.PidfdSendSignal(int(pidfd), unix.SIGKILL, nil, 0)
	}); err != nil || !errors.Is(late, unix.ESRCH) {
		return fmt.Errorf("late signal: %v, %v", err, late)
	}
	return second.Process.Signal(syscall.Signal(0))
}

// startAs starts a process with this pid. Our own threads may be faster.
func startAs(pid int) (*exec.Cmd, error) {
	for range 200 {
		if err := os.WriteFile("/proc/sys/kernel/ns_last_pid", []byte(itoa(pid-1)), 0); err != nil {
			return nil, err
		}
		cmd := exec.Command("sleep", "1000")
		if err := cmd.Start(); err != nil {
			return nil, err
		}
		if cmd.Process.Pid == pid {
			return cmd, nil
		}
		cmd.Process.Kill()
		cmd.Wait()
	}
	return nil, fmt.Errorf("pid %d is not to be had", pid)
}

// With pidfd_open(2) and openat2(2) refused as container runtimes do, or did, procfs alone binds the process.
func TestOfPIDUnderSeccomp(t *testing.T) {
	for _, errno := range []syscall.Errno{unix.ENOSYS, unix.EPERM} {
		cmd := helperCommand("seccomp")
		cmd.Env = append(cmd.Env, "NS_TEST_ERRNO="+itoa(int(errno)))
		if out, err := cmd.CombinedOutput(); err != nil {
			t.Errorf("%v: %v: %s", errno, err, out)
		}
	}
}

func init() {
	helpers["seccomp"] = func() error {
		errno := syscall.Errno(atoi(os.Getenv("NS_TEST_ERRNO")))
		if err := refuse(errno, unix.SYS_PIDFD_OPEN, unix.SYS_OPENAT2, unix.SYS_PIDFD_GETFD); err != nil {
			return err
		}
		if _, err := unix.PidfdOpen(os.Getpid(), 0); err != errno {
			return fmt.Errorf("the filter does not work: %v", err)
		}
		s, err := OfPID(os.Getpid(), All)
		if err != nil {
			return err
		}
		for _, typ := range s.Types().Types() {
			link, err := os.Readlink("/proc/self/ns/" + typ.Name())
			if err != nil || link != s.Handle(typ).String() {
				return fmt.Errorf("%v, want %s, %v", s.Handle(typ), link, err)
			}
		}
		if supported, err := Supported(); err != nil || s.Types() != supported {
			return fmt.Errorf("has %v, want %v, %v", s.Types(), supported, err)
		}
		if err := s.Process(func(int, uintptr) {}); !errors.Is(err, ErrNoProcess) {
			return fmt.Errorf("process without a pidfd: %v", err)
		}
		if _, err := OfPID(1<<22-1, All); !errors.Is(err, ErrProcessGone) {
			return fmt.Errorf("pid that is nobody's: %v", err)
		}
		if h, err := Current(Net); err != nil || h.ID() != s.Handle(Net).ID() {
			return fmt.Errorf("current: %v, %v", h, err)
		}
		for _, asked := range []kernel.Answer{kernel.No, kernel.Yes} { // before the filter came
			restore := nsfs.PIDFDNamespaces.Force(asked)
			l, err := List()
			restore()
			if err != nil {
				return err
			}
			if n := l.Find(s.Handle(Net).ID()); n == nil || n.Members == 0 {
				return fmt.Errorf("ioctls of pidfds: %v: %+v", asked, n)
			}
		}
		return nil
	}
}

// refuse makes system calls fail, for all threads and for good.
func refuse(errno syscall.Errno, calls ...uint32) error {
	filter := []unix.SockFilter{{Code: unix.BPF_LD | unix.BPF_W | unix.BPF_ABS, K: 0}} // seccomp_data.nr
	for i, nr := range calls {
		filter = append(filter, unix.SockFilter{Code: unix.BPF_JMP | unix.BPF_JEQ | unix.BPF_K, Jt: uint8(len(calls) - i), K: nr})
	}
	filter = append(filter,
		unix.SockFilter{Code: unix.BPF_RET | unix.BPF_K, K: 0x7fff0000},                 // SECCOMP_RET_ALLOW
		unix.SockFilter{Code: unix.BPF_RET | unix.BPF_K, K: 0x00050000 | uint32(errno)}) // SECCOMP_RET_ERRNO
	return testutil.SetFilter(filter)
}
