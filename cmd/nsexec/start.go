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

// runProgram is what exec and run have in common: the program with its flags, or why they are wrong.
func runProgram(cmd *cobra.Command, f *execFlags, program []string, err error) error {
	if help, _ := cmd.Flags().GetBool("help"); help && err == nil {
		return cmd.Help()
	}
	file, reportErr := openReport(f.reportFD)
	if reportErr != nil {
		return usageError(cmd.Name(), reportErr)
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
	if f.create != nil {
		if err := f.create.apply(cmd, p.joinsUser); err != nil {
			return nil, err
		}
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
