//go:build linux && cgo

package main

import "golang.org/x/sys/unix"

// callStat is what stat(2) is on this architecture.
const callStat = unix.SYS_NEWFSTATAT
