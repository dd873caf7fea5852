// Package lsm has tests of joins by callers that SELinux or AppArmor confines. They run in a guest: make lsm.
package lsm
