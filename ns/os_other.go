//go:build !linux

package ns

import (
	"errors"
	"fmt"
	"os"
	"runtime"
)

// Namespaces exist on Linux alone. Everything that would ask the kernel ends here.
var errOther = fmt.Errorf("linux namespaces on %s: %w", runtime.GOOS, errors.ErrUnsupported)

var (
	errnoGone   error
	errnoAbsent = errors.ErrUnsupported
)

func closeFD(int)                                  {}
func dupFD(uintptr) (int, error)                   { return -1, errOther }
func identify(int) (ID, error)                     { return ID{}, errOther }
func openCurrent(Type) (int, error)                { return -1, errOther }
func openPath(string) (int, Type, error)           { return -1, 0, errOther }
func ownerOf(uintptr) (int, error)                 { return -1, errOther }
func parentOf(uintptr) (int, error)                { return -1, errOther }
func ownerUIDOf(uintptr) (int, error)              { return -1, errOther }
func pidOf(uintptr) int                            { return -1 }
func setOfPID(int, Type) (*Set, error)             { return nil, errOther }
func setOfPIDFD(p *process, _ Type) (*Set, error)  { return nil, errOther }
func supported() (Type, error)                     { return 0, errOther }
func do(*Handle, func() error) error               { return errOther }
func setns(string, Type) error                     { return errOther }
func newNamespace(Type) (*Handle, error)           { return nil, errOther }
func newSocket(int, int, int) (*os.File, error)    { return nil, errOther }
func (*Runner) start(*Set) error                   { return errOther }
func socketNS(uintptr) (*Handle, error)            { return nil, errOther }
func processSocketNS(pid, fd int) (*Handle, error) { return nil, errOther }
func id64(uintptr, Type) (uint64, error)           { return 0, errOther }
func openByID(Type, uint64, uint64) (int, error)   { return -1, errOther }
func pidIn(*Handle, int) (int, error)              { return -1, errOther }
func pidFrom(*Handle, int) (int, error)            { return -1, errOther }
func list() (*Listing, error)                      { return nil, errOther }
func pin(*Handle, string) error                    { return errOther }
func unpin(string) error                           { return errOther }
