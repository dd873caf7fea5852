package ns

import (
	"fmt"
	"path/filepath"
	"strings"
)

// netnsDir is where ip-netns(8) keeps its names.
const netnsDir = "/run/netns"

// NetPath returns the path that ip-netns(8) gives to the network namespace called name: /run/netns/NAME. What is pinned
// there "ip netns" knows by that name, and the other way round.
func NetPath(name string) (string, error) {
	if name == "" || name == "." || name == ".." || strings.ContainsAny(name, "/\x00") {
		return "", fmt.Errorf("name network namespace %q: not a file name", name)
	}
	return filepath.Join(netnsDir, name), nil
}

// Pin makes a bind mount of the namespace at path, which keeps it alive without a process in it until Unpin. The file
// must not exist yet (os.ErrExist): it is made. The caller needs CAP_SYS_ADMIN over its mount namespace.
//
// The directory /run/netns is made as ip-netns(8) makes it, a shared mount, if it is not there. A mount namespace can
// only be pinned on a mount that is private, and only from a mount namespace that is older than itself: the kernel
// refuses what could become a circle. (Linux 6.18 tells the age by ID64, which is not always right.)
func (h *Handle) Pin(path string) error {
	if err := pin(h, path); err != nil {
		return fmt.Errorf("pin %v at %s: %w", h, path, err)
	}
	return nil
}

// Unpin removes the bind mount of a namespace and its file. Anything else is left alone: the error matches
// ErrNotNamespace, or ErrNotPinned for an entry of procfs.
func Unpin(path string) error {
	if err := unpin(path); err != nil {
		return fmt.Errorf("unpin %s: %w", path, err)
	}
	return nil
}
