//go:build linux && cgo

package main

import (
	"errors"
	"strings"

	"github.com/spf13/cobra"

	"nsexec/ns"
)

func newPinCmd() *cobra.Command {
	var pid int
	cmd := &cobra.Command{
		Use:   "pin -t PID TYPE PATH",
		Short: "Keep a process's namespace alive by a bind mount",
		Long: `Bind the namespace of the given type that process PID is in to PATH, which must not exist. It lives until
"nsexec unpin PATH", whoever leaves it. For net, a name without a slash is one that ip-netns(8) knows: /run/netns/NAME.`,
		Example: `  nsexec pin -t 1234 net blue     then: ip netns exec blue ip addr
  nsexec pin -t 1234 uts /run/my-uts`,
		Args: cobra.ExactArgs(2),
		RunE: func(_ *cobra.Command, args []string) error {
			t, err := ns.ParseType(args[0])
			if err != nil {
				return err
			}
			path := args[1]
			if t == ns.Net {
				if path, err = pinPath(path); err != nil {
					return err
				}
			}
			if pid == 0 {
				return errors.New("pin namespace: no process given: -t PID")
			}
			h, err := ns.OpenPID(pid, t)
			if err != nil {
				return err
			}
			defer h.Close()
			return h.Pin(path)
		},
	}
	cmd.Flags().IntVarP(&pid, "target", "t", 0, "the process")
	return cmd
}

func newUnpinCmd() *cobra.Command {
	return &cobra.Command{
		Use:   "unpin PATH...",
		Short: "Remove the bind mount of a namespace, and its file",
		Long:  `Undo "nsexec pin". A name without a slash is one that ip-netns(8) knows: /run/netns/NAME.`,
		Args:  cobra.MinimumNArgs(1),
		RunE: func(_ *cobra.Command, args []string) error {
			var failed error
			for _, arg := range args {
				path, err := pinPath(arg)
				if err == nil {
					err = ns.Unpin(path)
				}
				failed = errors.Join(failed, err)
			}
			return failed
		},
	}
}

// pinPath takes a bare name for one of ip-netns(8).
func pinPath(arg string) (string, error) {
	if strings.Contains(arg, "/") {
		return arg, nil
	}
	return ns.NetPath(arg)
}
