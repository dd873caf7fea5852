package kernel

import (
	"fmt"
	"os"
)

// AtLeast tells whether the running kernel calls itself this version, such as "6.11", or a later one. It is for tests
// of probes: what a kernel can do, vendors' backports and build options decide.
func AtLeast(version string) (bool, error) {
	release, err := os.ReadFile("/proc/sys/kernel/osrelease")
	if err != nil {
		return false, err
	}
	var major, minor, wantMajor, wantMinor int
	if _, err := fmt.Sscanf(string(release), "%d.%d", &major, &minor); err != nil {
		return false, fmt.Errorf("parse kernel release: %w", err)
	}
	if _, err := fmt.Sscanf(version, "%d.%d", &wantMajor, &wantMinor); err != nil {
		return false, fmt.Errorf("parse version %q: %w", version, err)
	}
	return major > wantMajor || major == wantMajor && minor >= wantMinor, nil
}
