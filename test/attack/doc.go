// Package attack holds attacks on the library from inside of a target: programs that really try what runtimes have been
// broken by, while a caller enters again and again, and a look at the world afterwards. docs/security.md tells what is
// promised, and which test shows it.
//
// Each attack is also run against a build that is weakened on purpose (nsenter/weak.h), where it must succeed.
package attack
