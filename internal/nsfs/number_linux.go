package nsfs

import "golang.org/x/sys/unix"

// An ioctl's number tells in which direction data goes, and mips, powerpc and sparc write that in other bits than the
// rest. These are the bits, taken from numbers that x/sys/unix has for each architecture.
const (
	directionBits = 0xe0000000
	none          = unix.BLKROSET & directionBits        // _IO
	read          = unix.FS_IOC_GETFLAGS & directionBits // _IOR
)
