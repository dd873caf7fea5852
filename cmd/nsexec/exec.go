//go:build linux && cgo

package main

import "github.com/spf13/cobra"

func newExecCmd() *cobra.Command {
	var f execFlags
	cmd := &cobra.Command{
		Use:                "exec [flags] [--] [PROGRAM [ARG...]]",
		Short:              "Run a program in the namespaces of another process, like nsenter(1)",
		DisableFlagParsing: true, // parse does it: see attachPaths
	}
	f.add(cmd.Flags())
	cmd.SetHelpTemplate(execHelp)
	cmd.RunE = func(cmd *cobra.Command, args []string) error {
		program, err := f.parse(cmd.Flags(), args)
		return runProgram(cmd, &f, program, err)
	}
	return cmd
}
