//go:build linux && cgo

package main

import (
	"errors"

	"github.com/spf13/cobra"
	"github.com/spf13/pflag"

	"nsexec/ns"
)

func newRunCmd() *cobra.Command {
	f := execFlags{create: new(createFlags)}
	cmd := &cobra.Command{
		Use:                "run [flags] [--] [PROGRAM [ARG...]]",
		Short:              "Run a program in new namespaces, like unshare(1)",
		DisableFlagParsing: true, // parseRun does it, so that --report-fd covers errors in it
	}
	f.addRun(cmd.Flags())
	cmd.SetHelpTemplate(runHelp)
	cmd.RunE = func(cmd *cobra.Command, args []string) error {
		program, err := f.parseRun(cmd.Flags(), args)
		return runProgram(cmd, &f, program, err)
	}
	return cmd
}

// addRun defines the flags of run: unshare(1)'s, and exec's for what is joined before.
func (f *execFlags) addRun(flags *pflag.FlagSet) {
	f.addCommon(flags)
	flags.Var((*joinList)(f), "join", "")
	flags.StringVarP(&f.root.path, "root", "R", "", "")
	flags.StringVarP(&f.wdns, "wd", "w", "", "")
	f.create.add(flags)
}

// parseRun returns what follows the flags: the program and its arguments.
func (f *execFlags) parseRun(flags *pflag.FlagSet, args []string) (program []string, err error) {
	if err := flags.Parse(args); err != nil {
		return nil, usageError("run", err)
	}
	if err := f.checkRun(flags); err != nil {
		return nil, usageError("run", err)
	}
	return flags.Args(), nil
}

func (f *execFlags) checkRun(flags *pflag.FlagSet) error {
	if err := f.checkPID(flags); err != nil {
		return err
	}
	f.root.given = flags.Changed("root")
	if f.root.given && f.root.path == "" {
		return errors.New("--root: empty path")
	}
	if f.target != 0 && !flags.Changed("join") {
		f.all = true
	}
	if f.needsTarget() != "" && f.target == 0 {
		return errors.New("--join: no target: give one with -t PID")
	}
	if f.target != 0 && f.needsTarget() == "" {
		return errors.New("--target: nothing of it is asked for by --join")
	}
	return f.create.finish(flags)
}

// types are the namespaces that are to be created.
func (c *createFlags) types() (all ns.Type) {
	for t, wanted := range c.wanted {
		if *wanted {
			all |= t
		}
	}
	return all
}
