package testutil

import (
	"os"
	"strconv"

	"golang.org/x/sys/unix"
)

// PTY opens a terminal: the end that somebody sits at, and the one that programs have. It becomes nobody's controlling
// terminal by that.
func PTY() (keyboard, screen *os.File, err error) {
	master, err := unix.Open("/dev/ptmx", unix.O_RDWR|unix.O_NOCTTY|unix.O_CLOEXEC|unix.O_NONBLOCK, 0)
	if err != nil {
		return nil, nil, err
	}
	keyboard = os.NewFile(uintptr(master), "keyboard")
	number, err := unlock(master)
	if err == nil {
		screen, err = os.OpenFile("/dev/pts/"+strconv.Itoa(number), os.O_RDWR|unix.O_NOCTTY, 0)
	}
	if err != nil {
		keyboard.Close()
		return nil, nil, err
	}
	return keyboard, screen, nil
}

func unlock(master int) (number int, err error) {
	if err := unix.IoctlSetPointerInt(master, unix.TIOCSPTLCK, 0); err != nil {
		return 0, err
	}
	return unix.IoctlGetInt(master, unix.TIOCGPTN)
}
