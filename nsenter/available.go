//go:build linux && cgo

package nsenter

import "fmt"

// Available reports why this program cannot start payloads: nil if it can, else
// an error that wraps [ErrUnavailable].
func Available() error {
	switch loadedAs() {
	case loadedOK:
		return nil
	case loadedAsPayload:
		return fmt.Errorf("%w: this is the payload of a function: nothing but Init works in it", ErrUnavailable)
	case loadedInLibrary:
		return fmt.Errorf("%w: loaded in a shared library or a plugin: the program that could be "+
			"executed anew is its host", ErrUnavailable)
	case loadedSecure:
		return fmt.Errorf("%w: the program has raised privileges (set-user-ID, set-group-ID or file "+
			"capabilities), which executing it anew would have to trust its caller with", ErrUnavailable)
	}
	return fmt.Errorf("%w: the constructor has not run", ErrUnavailable)
}
