package procfs

import (
	"os"

	"github.com/cyphar/filepath-securejoin/pathrs-lite/procfs"
)

// OpenSelf opens a file of the calling process, which tells the news whenever it is read at offset zero.
func OpenSelf(name string) (*os.File, error) {
	proc, err := procfs.OpenProcRoot()
	if err != nil {
		return nil, err
	}
	defer proc.Close()
	dir, err := proc.OpenSelf(".")
	if err != nil {
		return nil, err
	}
	defer dir.Close()
	fd, err := openFile(int(dir.Fd()), name)
	if err != nil {
		return nil, &os.PathError{Op: "open", Path: "/proc/self/" + name, Err: err}
	}
	return os.NewFile(uintptr(fd), "/proc/self/"+name), nil
}
