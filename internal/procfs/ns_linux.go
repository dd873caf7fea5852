package procfs

import (
	"errors"
	"fmt"
	"os"
	"strconv"

	"github.com/cyphar/filepath-securejoin/pathrs-lite/procfs"
	"golang.org/x/sys/unix"
)

// ErrForeign means that this procfs shows another pid namespace than the caller's, where numbers mean other processes.
var ErrForeign = errors.New("procfs belongs to another pid namespace")

// OpenNS opens the directory /proc/PID/ns, O_PATH, from which namespaces are opened with openat(2). It is bound
// to the process: when the pid is given to another one, nothing can be opened from it any more.
func OpenNS(pid int) (*os.File, error) {
	proc, err := procfs.OpenProcRoot()
	if err != nil {
		return nil, err
	}
	defer proc.Close()
	return proc.OpenPid(pid, "ns")
}

// OpenThreadNS opens the directory /proc/thread-self/ns, O_PATH. The goroutine stays locked to its thread until
// done is called.
func OpenThreadNS() (dir *os.File, done func(), err error) {
	proc, err := procfs.OpenProcRoot()
	if err != nil {
		return nil, nil, err
	}
	defer proc.Close()
	return proc.OpenThreadSelf("ns")
}

// CheckOwn returns ErrForeign unless procfs shows the caller's own pid namespace: as /proc/self/status has it, we
// have our own number there, and no second one further down.
func CheckOwn() error {
	status, err := readSelf(".", "status")
	if err != nil {
		return fmt.Errorf("%w: %w", ErrForeign, err)
	}
	return ownNumbers(status)
}

func ownNumbers(status []byte) error {
	if Field(status, "NStgid:") != strconv.Itoa(os.Getpid()) {
		return ErrForeign
	}
	return nil
}

// PID returns the pid of the process behind pidfd as procfs shows it: its fdinfo's Pid. 0: not visible from there.
// -1: reaped. EBADF: not a pidfd.
func PID(pidfd int) (int, error) {
	info, err := readSelf("fdinfo", strconv.Itoa(pidfd))
	if err != nil {
		return -1, err
	}
	pid, err := strconv.Atoi(Field(info, "Pid:"))
	if err != nil {
		return -1, fmt.Errorf("file descriptor %d is not a pidfd: %w", pidfd, unix.EBADF)
	}
	return pid, nil
}

// readSelf reads the file name in the directory dir of /proc/thread-self.
func readSelf(dir, name string) ([]byte, error) {
	proc, err := procfs.OpenProcRoot()
	if err != nil {
		return nil, err
	}
	defer proc.Close()
	d, done, err := proc.OpenThreadSelf(dir)
	if err != nil {
		return nil, err
	}
	defer done()
	defer d.Close()
	return readAll(int(d.Fd()), name)
}
