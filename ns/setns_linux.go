package ns

import (
	"errors"
	"fmt"

	"golang.org/x/sys/unix"
)

func setns(path string, t Type) error {
	if err := t.checkOne(); err != nil {
		return fmt.Errorf("join namespace %s: %w", path, err)
	}
	h, err := Open(path)
	if err != nil {
		return err
	}
	defer h.Close()
	switch {
	case h.t != t:
		err = fmt.Errorf("%w: it is a %s, wanted a %s", ErrWrongType, h.t.label(), t.label())
	case t == User || t == Time:
		err = ErrMultithreaded
	default:
		err = h.setns()
	}
	if t == Mount && errors.Is(err, unix.EINVAL) {
		err = fmt.Errorf("%w: %w", ErrMultithreaded, err)
	}
	if err != nil {
		return fmt.Errorf("join namespace %s: %w", path, err)
	}
	return nil
}
