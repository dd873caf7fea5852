//go:build linux && cgo

// Command nsexec runs programs in the namespaces of other processes and in new ones, and shows what happens on the way.
//
// It is thin: what it does is done by the packages ns and nsenter. Each file holds one subcommand, or one thing that
// a subcommand needs. It is not built without cgo, so that a missing C compiler is an error and not a command that
// can do nothing.
package main

import "github.com/spf13/cobra"

func main() {
	finish(newRootCmd().Execute())
}

func newRootCmd() *cobra.Command {
	root := &cobra.Command{
		Use:   "nsexec",
		Short: "Run programs in the namespaces of other processes, and in new ones",
		Example: `  nsexec exec -t 1234 -a -- sh   a shell in the container that process 1234 is in
  nsexec exec -t 1234 -n ss -tlp only its network, with the tools from here
  nsexec run -mpr --mount-proc ps there it is process 1, and root
  nsexec demo                    what it does, shown`,
		SilenceUsage:      true,
		SilenceErrors:     true,
		CompletionOptions: cobra.CompletionOptions{DisableDefaultCmd: true},
	}
	root.AddCommand(
		newExecCmd(),
		newRunCmd(),
		newDemoCmd(),
		newDemoTargetCmd(),
		newDemoPayloadCmd(),
		newLsCmd(),
		newTreeCmd(),
		newPinCmd(),
		newUnpinCmd(),
		newVersionCmd(),
	)
	return root
}
