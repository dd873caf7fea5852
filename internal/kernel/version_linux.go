package kernel

import (
	"fmt"

	"golang.org/x/sys/unix"
)

// AtLeast tells whether the running kernel calls itself this version, such as "6.11", or a later one. It is for tests
// of probes: what a kernel can do, vendors' backports and build options decide.
func AtLeast(version string) (bool, error) {
	var name unix.Utsname
	if err := unix.Uname(&name); err != nil {
		return false, err
	}
	var major, minor, wantMajor, wantMinor int
	if _, err := fmt.Sscanf(unix.ByteSliceToString(name.Release[:]), "%d.%d", &major, &minor); err != nil {
		return false, fmt.Errorf("parse kernel release: %w", err)
	}
	if _, err := fmt.Sscanf(version, "%d.%d", &wantMajor, &wantMinor); err != nil {
		return false, fmt.Errorf("parse version %q: %w", version, err)
	}
	return major > wantMajor || major == wantMajor && minor >= wantMinor, nil
}
