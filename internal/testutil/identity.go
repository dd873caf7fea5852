package testutil

import (
	"fmt"
	"os"
	"testing"

	"nsexec/internal/nsfs"
)

// Identity says as whom the tests run: every test runs as each of the three.
type Identity string

// The three identities.
const (
	Root       Identity = "root"        // uid 0 of the initial user namespace
	User       Identity = "user"        // an ordinary user, in whichever user namespace
	UsernsRoot Identity = "userns-root" // uid 0 of another user namespace
)

// initialUserns is the link text of the initial user namespace.
var initialUserns = fmt.Sprintf("user:[%d]", nsfs.InitialUser)

// Who returns the identity of this process.
func Who() Identity {
	switch {
	case os.Geteuid() != 0:
		return User
	case InUserns():
		return UsernsRoot
	default:
		return Root
	}
}

// InUserns tells whether this process is outside the initial user namespace.
func InUserns() bool {
	link, err := os.Readlink("/proc/self/ns/user")
	return err == nil && link != initialUserns
}

// NeedRoot skips the test for anybody but root of the initial user namespace.
func NeedRoot(t testing.TB) {
	t.Helper()
	if Who() != Root {
		Skip(t, reasonRoot)
	}
}

// NeedUser skips the test for anybody but an ordinary user.
func NeedUser(t testing.TB) {
	t.Helper()
	if Who() != User {
		Skip(t, reasonUser)
	}
}
