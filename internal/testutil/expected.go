package testutil

const (
	reasonRoot = "needs root of the initial user namespace"
	reasonUser = "needs an ordinary user"
	reasonJoin = "needs root of a user namespace" // to join or make a namespace with a thread of the test itself
)

// expected lists, for each identity, the reasons (or their beginnings) for which a test may be
// skipped even where everything must work. Anything else that is skipped there is a failure.
var expected = map[Identity][]string{
	Root:       {reasonUser, "process 1 may be looked at", "no hierarchy of cgroups"},
	User:       {reasonRoot, reasonJoin},
	UsernsRoot: {reasonRoot, reasonUser},
}
