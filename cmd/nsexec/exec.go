//go:build linux && cgo

package main

import (
	"errors"
	"fmt"
	"os"
	"os/exec"
	"path/filepath"
	"syscall"

	"github.com/spf13/cobra"

	"nsexec/nsenter"
)

func newExecCmd() *cobra.Command {
	var f execFlags
	cmd := &cobra.Command{
		Use:                "exec [flags] [--] [PROGRAM [ARG...]]",
		Short:              "Run a program in the namespaces of another process, like nsenter(1)",
		DisableFlagParsing: true, // done in runExec: see attachPaths
	}
	f.add(cmd.Flags())
	cmd.SetHelpTemplate(execHelp)
	cmd.RunE = func(cmd *cobra.Command, args []string) error { return runExec(cmd, &f, args) }
	return cmd
}

func runExec(cmd *cobra.Command, f *execFlags, args []string) error {
	program, err := f.parse(cmd.Flags(), args)
	if help, _ := cmd.Flags().GetBool("help"); help && err == nil {
		return cmd.Help()
	}
	file, reportErr := openReport(f.reportFD)
	if reportErr != nil {
		return reportErr
	}
	var payload *nsenter.Cmd
	var pid int
	if err == nil {
		payload, err = start(f, program)
	}
	if err == nil {
		pid = payload.Process.Pid
	}
	if err := writeReport(file, pid, err); err != nil {
		fmt.Fprintln(os.Stderr, message(err)) // too late to undo anything
	}
	if err != nil {
		return err
	}
	return wait(payload)
}

// start starts the program, or a shell if there is none: $SHELL, or /bin/sh where that does not exist.
func start(f *execFlags, program []string) (*nsenter.Cmd, error) {
	if len(program) > 0 {
		return startProgram(f, program[0], program)
	}
	if shell := os.Getenv("SHELL"); shell != "" {
		cmd, err := startProgram(f, shell, loginArgs(shell))
		if !isNotFound(err) {
			return cmd, err
		}
	}
	return startProgram(f, "/bin/sh", loginArgs("/bin/sh"))
}

// loginArgs makes a shell a login shell, as nsenter(1) does.
func loginArgs(shell string) []string { return []string{"-" + filepath.Base(shell)} }

func startProgram(f *execFlags, path string, args []string) (*nsenter.Cmd, error) {
	p, err := f.plan()
	if err != nil {
		return nil, err
	}
	defer p.close()
	cmd := nsenter.Command(p.set, path)
	cmd.Args = args
	cmd.Env = p.env
	cmd.Dir, cmd.WorkDir, cmd.Root = f.wdns, p.cwd, p.root
	cmd.Credential = p.credential
	cmd.Stdin, cmd.Stdout, cmd.Stderr = os.Stdin, os.Stdout, os.Stderr
	if f.verbose {
		cmd.Trace = tracer(os.Stderr)
	}
	cmd.BeforeExec = func(int) error {
		relay(cmd.Process)
		return nil
	}
	return cmd, cmd.Start()
}

// wait returns nil if the program succeeds, or an endedError.
func wait(cmd *nsenter.Cmd) error {
	err := cmd.Wait()
	var exit *exec.ExitError
	var lost *nsenter.LostStatusError
	switch {
	case errors.As(err, &exit):
		return &endedError{exit.Sys().(syscall.WaitStatus)}
	case errors.As(err, &lost) && lost.Known:
		return &endedError{lost.Status}
	}
	return err
}
