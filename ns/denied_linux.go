package ns

import (
	"errors"
	"fmt"
	"os"
	"strconv"
	"strings"
	"syscall"

	"golang.org/x/sys/unix"

	"nsexec/internal/capability"
	"nsexec/internal/nsfs"
	"nsexec/internal/procfs"
)

// errHidden is what procfs's own refusal comes to.
var errHidden = errors.New("procfs hides the process (hidepid)")

// explainDenial adds why the kernel keeps the namespaces of a process from the caller, which takes the right to read
// its memory: ptrace(2), "Ptrace access mode checking". The errno says nothing of it.
func explainDenial(pid int, err error) error {
	if !errors.Is(err, os.ErrPermission) || errors.Is(err, errHidden) || pid <= 0 {
		return err
	}
	return fmt.Errorf("%w: %s", err, whyDenied(pid))
}

func whyDenied(pid int) string {
	status, err := procfs.ReadPID(pid, "status")
	if err != nil {
		return errHidden.Error() + ": it takes CAP_SYS_PTRACE in its user namespace"
	}
	uids := strings.Fields(procfs.Field(status, "Uid:"))
	switch {
	case mayReadAll():
		return "the caller has CAP_SYS_PTRACE: a security module is what refuses it"
	case len(uids) < 3:
	case !isDumpable(pid, uids[1]):
		return "it is not dumpable (prctl(2)), so that it takes CAP_SYS_PTRACE in its user namespace"
	case uids[0] == strconv.Itoa(os.Geteuid()) && uids[2] == uids[0]:
		return "it has capabilities that the caller lacks, so that it takes CAP_SYS_PTRACE in its user namespace"
	default:
		return fmt.Sprintf("it is of uid %s, and the caller of %d, so that it takes CAP_SYS_PTRACE in its user namespace",
			uids[0], os.Geteuid())
	}
	return "it takes CAP_SYS_PTRACE in its user namespace"
}

// mayReadAll: by capabilities the caller may read every process, who has CAP_SYS_PTRACE in the initial user namespace.
func mayReadAll() bool {
	inode, err := procfs.ThreadNS(User.Name())
	return err == nil && inode == nsfs.InitialUser && capability.Have(unix.CAP_SYS_PTRACE)
}

// isDumpable: the files of a process that is not belong to root, and not to its effective uid (proc_pid(5)).
func isDumpable(pid int, euid string) bool {
	file, err := procfs.OpenPID(pid, "status")
	if err != nil {
		return true
	}
	defer file.Close()
	info, err := file.Stat()
	if err != nil {
		return true
	}
	st, ok := info.Sys().(*syscall.Stat_t)
	return !ok || strconv.Itoa(int(st.Uid)) == euid
}
