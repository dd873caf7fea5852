//go:build linux

// Shim executes a program that sees a system call fail, as it does on a kernel, or behind a seccomp filter, that does not
// know it. The filter is a static one: it costs next to nothing.
package main

import (
	"fmt"
	"os"
	"slices"
	"strings"

	"golang.org/x/sys/unix"
)

const usage = `Usage: shim CALL ERRNO PROGRAM ARGUMENT...
       shim --list

A program that it executes finds the CALL in the variable NSEXEC_SHIM.`

// variable tells tests what is hidden: see testutil.Needs.
const variable = "NSEXEC_SHIM"

func main() {
	switch {
	case len(os.Args) == 2 && os.Args[1] == "--list":
		for _, c := range calls {
			fmt.Println(c.name, c.since, strings.Join(c.errnos(), " "))
		}
	case len(os.Args) < 4:
		fmt.Fprintln(os.Stderr, usage)
		os.Exit(2)
	default:
		fmt.Fprintln(os.Stderr, "shim:", run(os.Args[1], os.Args[2], os.Args[3:]))
		os.Exit(125)
	}
}

// run returns only an error.
func run(name, errno string, argv []string) error {
	i := slices.IndexFunc(calls, func(c call) bool { return c.name == name })
	if i < 0 {
		return fmt.Errorf("no call is named %q", name)
	}
	n, err := parseErrno(errno)
	if err != nil {
		return err
	}
	if err := os.Setenv(variable, name); err != nil {
		return err
	}
	if err := install(calls[i].program(n)); err != nil {
		return err
	}
	return fmt.Errorf("execute %q: %w", argv[0], unix.Exec(argv[0], argv, os.Environ()))
}

// errnos are those that the call is made to fail with.
func (c *call) errnos() (names []string) {
	for _, errno := range errnos {
		if errno != c.not {
			names = append(names, unix.ErrnoName(errno))
		}
	}
	return names
}

// errnos are how kernels and filters say that they do not know a call.
var errnos = []unix.Errno{unix.ENOSYS, unix.EPERM, unix.EINVAL}

func parseErrno(name string) (unix.Errno, error) {
	for _, errno := range errnos {
		if unix.ErrnoName(errno) == name {
			return errno, nil
		}
	}
	return 0, fmt.Errorf("no errno is named %q", name)
}
