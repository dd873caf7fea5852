package testutil

import (
	"os"
	"strings"

	"nsexec/internal/kernel"
)

const (
	reasonRoot   = "needs root of the initial user namespace"
	reasonUser   = "needs an ordinary user"
	reasonJoin   = "needs root of a user namespace" // to join or make a namespace with a thread of the test itself
	reasonKernel = "needs Linux "                   // and the version
	reasonGuest  = "needs a guest under "           // a security module
	reasonGroup  = "no hierarchy of cgroups has "   // and the file
	reasonLoader = "needs a compiler and a program that loads libraries"
)

// expectation is a reason (or its beginning) for which a test may be skipped even where everything must work.
type expectation struct {
	reason string
	when   func(rest string) bool // whether what follows the beginning makes it true here; nil: always
}

// expected lists them for each identity. Anything else that is skipped there is a failure.
var expected = map[Identity][]expectation{
	Root: {
		{reasonUser, nil}, {"process 1 may be looked at", nil}, {reasonGroup, otherFreezer}, {reasonKernel, olderKernel},
		{reasonGuest, outsideGuest}, {reasonLoader, nil}, {"cores do not go to the working directory", nil},
	},
	User:       {{reasonRoot, nil}, {reasonJoin, nil}, {reasonKernel, olderKernel}, {reasonGuest, outsideGuest}, {reasonLoader, nil}},
	UsernsRoot: {{reasonRoot, nil}, {reasonUser, nil}, {reasonKernel, olderKernel}, {reasonGuest, outsideGuest}, {reasonLoader, nil}},
}

// olderKernel: a kernel of that version, or a newer one, has what the test needs, or the test is wrong about it.
func olderKernel(rest string) bool {
	version, _, _ := strings.Cut(rest, ":")
	newer, err := kernel.AtLeast(version)
	return err == nil && !newer
}

// otherFreezer: a machine may have the freezer of one version of cgroups only.
func otherFreezer(file string) bool {
	return file == "freezer.state here" || file == "cgroup.freeze here"
}

// outsideGuest: what one security module is needed for is skipped under the other, and on a machine of one's own.
func outsideGuest(module string) bool { return os.Getenv("NSEXEC_GUEST") != module }
