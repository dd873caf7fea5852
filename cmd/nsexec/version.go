//go:build linux && cgo

package main

import (
	"fmt"
	"io"
	"runtime"
	"runtime/debug"
	"strings"

	"github.com/spf13/cobra"
	"golang.org/x/sys/unix"

	"nsexec/ns"
)

func newVersionCmd() *cobra.Command {
	return &cobra.Command{
		Use:   "version",
		Short: "Print the version, and what this kernel has: for bug reports",
		Args:  cobra.NoArgs,
		RunE:  func(cmd *cobra.Command, _ []string) error { return printVersion(cmd.OutOrStdout()) },
	}
}

func printVersion(w io.Writer) error {
	types, err := ns.Supported()
	if err != nil {
		return err
	}
	var system unix.Utsname
	if err := unix.Uname(&system); err != nil {
		return fmt.Errorf("ask for the kernel's release: %w", err)
	}
	_, err = fmt.Fprintf(w, "nsexec %s\n%s %s/%s\nLinux %s: %s namespaces\n",
		version(), runtime.Version(), runtime.GOOS, runtime.GOARCH,
		unix.ByteSliceToString(system.Release[:]), strings.Join(typeNames(types), " "))
	return err
}

// version is what the Go command has recorded: a tag, or the commit.
func version() string {
	info, ok := debug.ReadBuildInfo()
	if !ok {
		return "(unknown)"
	}
	return info.Main.Version
}
