//go:build linux && cgo

package nsenter

import (
	"errors"
	"fmt"
	"io"
	"os"
	"path/filepath"
	"runtime"
	"strings"
	"sync"

	"golang.org/x/sys/unix"
)

// ownExecutable is what stage 0 is executed from where nothing in the target
// can reach it.
const ownExecutable = "/proc/self/exe"

// sealed is the calling program's executable in a form that nobody can write
// to, made once, or again if a target has forbidden to execute it.
var sealed struct {
	sync.Mutex
	file  *os.File
	mode  uint32 // who may execute it
	stale bool   // another has to be made
}

// sealedExecutable returns it. A process in a container that gets hold of what
// stage 0 executes must not overwrite a program of the host (CVE-2019-5736),
// and the target chooses the files that a payload's exec opens: even
// "#!/proc/self/exe" leads back here.
//
// Not a read-only bind mount: whoever has CAP_SYS_ADMIN over the mount
// namespace that he is in can clear its flag through an O_PATH fd.
func sealedExecutable() (*os.File, error) {
	sealed.Lock()
	defer sealed.Unlock()
	if sealed.file != nil && (weakMode || !sealed.stale && executableBy(sealed.file) == sealed.mode) {
		return sealed.file, nil
	}
	file, err := mountedCopy()
	if err != nil {
		file, err = memoryCopy()
	}
	if err != nil {
		return nil, sealError(err)
	}
	if sealed.file != nil {
		runtime.GC() // closes the one before, once no Start uses it any more
	}
	sealed.file, sealed.mode, sealed.stale = file, executableBy(file), false
	return file, nil
}

// renewExecutable has another copy made. What somebody has open for writing cannot be
// executed (ETXTBSY), though nothing can be written: a target whose root has the
// same id outside may hold a memfd like that.
func renewExecutable() {
	sealed.Lock()
	defer sealed.Unlock()
	sealed.stale = true
}

// executableBy tells who may execute it. A memfd belongs to its maker, and a
// target whose root has the same id outside may change that; from Linux 6.3 on
// it may not (F_SEAL_EXEC).
func executableBy(copied *os.File) uint32 {
	var st unix.Stat_t
	if unix.Fstat(int(copied.Fd()), &st) != nil {
		return 0
	}
	return st.Mode & 0o111
}

// mountedCopy is the one that costs no memory.
func mountedCopy() (*os.File, error) {
	switch {
	case weakExecutable:
		return os.Open(ownExecutable)
	case weakBind:
		return boundExecutable()
	}
	return overlayCopy()
}

func sealError(err error) *Error {
	e := callerError("seal executable", "", err)
	if e.Errno == unix.EACCES {
		e.Hint = "the sysctl vm.memfd_noexec=2 forbids executable memfds, and without privileges there is no overlay"
	}
	return e
}

// overlayCopy is the executable seen through an overlay of its directory that
// has no upper layer, so no place to write to, and that is mounted nowhere. It
// costs no memory and takes 0.1 ms. It needs privileges, and fsopen (5.2).
func overlayCopy() (*os.File, error) {
	path, err := os.Readlink(ownExecutable)
	if err != nil {
		return nil, err
	}
	mount, err := mountOverlay(filepath.Dir(path))
	if err != nil {
		return nil, err
	}
	defer unix.Close(mount)
	fd, err := unix.Openat(mount, filepath.Base(path), unix.O_RDONLY|unix.O_NOFOLLOW|unix.O_CLOEXEC, 0)
	if err != nil {
		return nil, os.NewSyscallError("openat", err)
	}
	copied := os.NewFile(uintptr(fd), path)
	if err := checkSame(copied); err != nil {
		copied.Close()
		return nil, err
	}
	return copied, nil
}

// mountOverlay returns a detached mount.
func mountOverlay(dir string) (int, error) {
	fs, err := unix.Fsopen("overlay", unix.FSOPEN_CLOEXEC)
	if err != nil {
		return -1, os.NewSyscallError("fsopen", err)
	}
	defer unix.Close(fs)
	layers := escapeLayer(dir) + ":" + secondLayer(dir)
	if err := unix.FsconfigSetString(fs, "lowerdir", layers); err != nil {
		return -1, os.NewSyscallError("fsconfig", err)
	}
	if err := unix.FsconfigCreate(fs); err != nil {
		return -1, os.NewSyscallError("fsconfig", err)
	}
	mount, err := unix.Fsmount(fs, unix.FSMOUNT_CLOEXEC,
		unix.MOUNT_ATTR_RDONLY|unix.MOUNT_ATTR_NOSUID|unix.MOUNT_ATTR_NODEV)
	return mount, os.NewSyscallError("fsmount", err)
}

// escapeLayer: a colon separates layers, a backslash escapes.
func escapeLayer(dir string) string {
	return strings.NewReplacer(`\`, `\\`, `:`, `\:`).Replace(dir)
}

// secondLayer is what overlayfs asks for where there is no upper one: any
// directory that neither holds the first nor lies in it. The first one hides
// what it has.
func secondLayer(dir string) string {
	if dir == "/" || dir == "/etc" || strings.HasPrefix(dir, "/etc/") {
		return "/dev"
	}
	return "/etc"
}

// checkSame compares the copy with the program that is running: it may have
// been replaced on disk since it was started. Device and inode differ on an
// overlay; a changed file has another time of change.
func checkSame(copied *os.File) error {
	var want, got unix.Stat_t
	if err := unix.Stat(ownExecutable, &want); err != nil {
		return os.NewSyscallError("stat", err)
	}
	if err := unix.Fstat(int(copied.Fd()), &got); err != nil {
		return os.NewSyscallError("fstat", err)
	}
	if want.Ctim != got.Ctim || want.Size != got.Size || want.Mode != got.Mode || want.Uid != got.Uid {
		return errors.New("the executable has been replaced since it was started")
	}
	return nil
}

// memoryCopy is a copy in a memfd that no longer accepts writes. It is charged
// to the caller as shared memory, and takes 0.6 ms a megabyte.
func memoryCopy() (*os.File, error) {
	copied, err := newMemfd()
	if err != nil {
		return nil, err
	}
	if err := fillAndSeal(copied); err != nil {
		copied.Close()
		return nil, err
	}
	copyLabel(copied)
	return copied, nil
}

// copyLabel gives the copy the executable's label, as on an overlay: what the caller may execute and what domain that
// leads to, an SELinux policy tells by label, and a memfd has that of any temporary file. Who may not relabel, and where
// there are no labels, does without.
func copyLabel(copied *os.File) {
	const name = "security.selinux"
	label := make([]byte, 4096)
	if n, err := unix.Getxattr(ownExecutable, name, label); err == nil {
		_ = unix.Fsetxattr(int(copied.Fd()), name, label[:n], 0)
	}
}

// newMemfd: from Linux 6.3 a memfd wants to be told that it will be executed;
// before, that flag is EINVAL, and a filter that does not know it answers as it likes. EACCES is the
// sysctl's.
func newMemfd() (*os.File, error) {
	const flags = unix.MFD_CLOEXEC | unix.MFD_ALLOW_SEALING
	fd, err := unix.MemfdCreate("nsexec", flags|unix.MFD_EXEC)
	if err != nil && !errors.Is(err, unix.EACCES) {
		fd, err = unix.MemfdCreate("nsexec", flags)
	}
	if err != nil {
		return nil, os.NewSyscallError("memfd_create", err)
	}
	return os.NewFile(uintptr(fd), "nsexec"), nil
}

func fillAndSeal(copied *os.File) error {
	exe, err := os.Open(ownExecutable)
	if err != nil {
		return err
	}
	defer exe.Close()
	if _, err := io.Copy(copied, exe); err != nil {
		return fmt.Errorf("copy executable: %w", err)
	}
	if !weakMode { // see executableBy
		_, _ = unix.FcntlInt(copied.Fd(), unix.F_ADD_SEALS, unix.F_SEAL_EXEC) // 6.3
	}
	return seal(copied)
}

func seal(memfd *os.File) error {
	const seals = unix.F_SEAL_SEAL | unix.F_SEAL_SHRINK | unix.F_SEAL_GROW | unix.F_SEAL_WRITE
	if _, err := unix.FcntlInt(memfd.Fd(), unix.F_ADD_SEALS, seals); err != nil {
		return os.NewSyscallError("fcntl F_ADD_SEALS", err)
	}
	return nil
}
