//go:build !linux || !cgo

package nsenter

import (
	"fmt"
	"os"
	"runtime"

	"nsexec/ns"
)

// Available reports why this program cannot start payloads: nil if it can, else
// an error that wraps [ErrUnavailable].
func Available() error {
	if runtime.GOOS != "linux" {
		return fmt.Errorf("%w: %s has no namespaces", ErrUnavailable, runtime.GOOS)
	}
	return fmt.Errorf("%w: built without cgo, so without the constructor that joins", ErrUnavailable)
}

func (c *Cmd) prepareFunction([]*os.File, []string) ([]*os.File, error) { return nil, nil }

func runFunction() bool { return false }

func (f *functionCall) cancel() error { return Available() }

func reexec(*ns.Set, []*os.File, bool) error { return Available() }

func reexecUnshared(ns.Type, []*os.File) error { return Available() }

func reexeced() bool { return false }

func (c *Cmd) launch([]*os.File, []string) error { return Available() }

// launcherProcess is never started.
type launcherProcess struct{}

func startLauncher(*Launcher) (*launcherProcess, error) { return nil, Available() }

func (*launcherProcess) hasEnded() bool { return true }

func (*launcherProcess) close() {}

func openDirectly(path string, flag int) (*os.File, error) { return os.OpenFile(path, flag, 0) }

func (c *child) waitHere() {}

func (c *child) waitInPoller() {}
