//go:build linux && cgo

package main

import (
	"errors"
	"fmt"
	"slices"
	"strings"

	"github.com/spf13/pflag"

	"nsexec/ns"
	"nsexec/nsenter"
)

// execFlags are what exec is told to do.
type execFlags struct {
	target     int // 0: none
	all        bool
	namespaces map[ns.Type]*optionalPath
	root, wd   optionalPath
	wdns       string
	uid, gid   id
	preserve   bool
	env        bool
	noFork     bool
	verbose    bool
	reportFD   int // -1: none

	create *createFlags // nil for exec: nothing is created
}

// namespaceFlags are nsenter(1)'s names for the types.
var namespaceFlags = []struct {
	t           ns.Type
	long, short string
}{
	{ns.Mount, "mount", "m"},
	{ns.UTS, "uts", "u"},
	{ns.IPC, "ipc", "i"},
	{ns.Net, "net", "n"},
	{ns.PID, "pid", "p"},
	{ns.User, "user", "U"},
	{ns.Cgroup, "cgroup", "C"},
	{ns.Time, "time", "T"},
}

// add defines the flags. They have no usage texts: the help is written by hand (help.go).
func (f *execFlags) add(flags *pflag.FlagSet) {
	f.addCommon(flags)
	flags.BoolVarP(&f.all, "all", "a", false, "")
	for _, n := range namespaceFlags {
		addOptional(flags, f.namespaces[n.t], n.long, n.short)
	}
	addOptional(flags, &f.root, "root", "r")
	addOptional(flags, &f.wd, "wd", "w")
	flags.StringVarP(&f.wdns, "wdns", "W", "", "")
	flags.BoolVar(&f.preserve, "preserve-credentials", false, "")
	flags.BoolVarP(&f.env, "env", "e", false, "")
	flags.BoolVarP(&f.noFork, "no-fork", "F", false, "")
}

// addCommon defines those that exec and run share.
func (f *execFlags) addCommon(flags *pflag.FlagSet) {
	flags.SortFlags = false
	flags.SetInterspersed(false) // what follows the program is its own
	f.namespaces = make(map[ns.Type]*optionalPath)
	for _, n := range namespaceFlags {
		f.namespaces[n.t] = new(optionalPath)
	}
	flags.IntVarP(&f.target, "target", "t", 0, "")
	f.uid, f.gid = nsenter.Unchanged, nsenter.Unchanged
	flags.VarP(&f.uid, "setuid", "S", "")
	flags.VarP(&f.gid, "setgid", "G", "")
	flags.BoolVarP(&f.verbose, "verbose", "v", false, "")
	flags.IntVar(&f.reportFD, "report-fd", -1, "")
}

// parse returns what follows the flags: the program and its arguments.
func (f *execFlags) parse(flags *pflag.FlagSet, args []string) (program []string, err error) {
	if err := flags.Parse(attachPaths(flags, args)); err != nil {
		return nil, usageError("exec", err)
	}
	if err := f.check(flags); err != nil {
		return nil, usageError("exec", err)
	}
	return flags.Args(), nil
}

func (f *execFlags) check(flags *pflag.FlagSet) error {
	if err := f.checkPID(flags); err != nil {
		return err
	}
	if f.wd.given && f.wdns != "" {
		return errors.New("--wd and --wdns exclude each other")
	}
	return f.checkTarget()
}

func (f *execFlags) checkPID(flags *pflag.FlagSet) error {
	if flags.Changed("target") && f.target <= 0 {
		return fmt.Errorf("--target %d: not a process id", f.target)
	}
	return nil
}

// checkTarget refuses a target of which nothing is wanted, too: nsenter(1) then runs the program where the caller is,
// which is not where somebody who has named a container means it to run.
func (f *execFlags) checkTarget() error {
	what := f.needsTarget()
	switch {
	case what != "" && f.target == 0:
		return fmt.Errorf("%s: no target: give one with -t PID", what)
	case what == "" && f.target != 0 && !f.hasFile():
		return fmt.Errorf("--target %d: nothing of it is asked for: add -a, or some of -m -u -i -n -p -U -C -T -r -w -e", f.target)
	}
	return nil
}

func (f *execFlags) hasFile() bool {
	for _, o := range f.namespaces {
		if o.given {
			return true
		}
	}
	return false
}

// needsTarget names a flag that means the target's, or is "".
func (f *execFlags) needsTarget() string {
	switch {
	case f.all:
		return "--all"
	case f.root.ofTarget():
		return "--root"
	case f.wd.ofTarget():
		return "--wd"
	case f.env:
		return "--env"
	}
	for _, n := range namespaceFlags {
		if f.namespaces[n.t].ofTarget() {
			return "--" + n.long
		}
	}
	return ""
}

func usageError(subcommand string, err error) error {
	return fmt.Errorf("%w (see nsexec %s --help)", err, subcommand)
}

// attachPaths turns "-m/FILE", which nsenter(1) understands, into "-m=FILE", which pflag does, up to the program.
func attachPaths(flags *pflag.FlagSet, args []string) []string {
	args = slices.Clone(args)
	for i := 0; i < len(args) && isFlag(args[i]); i++ {
		letters, path, found := strings.Cut(args[i], "/")
		switch last := lastFlag(flags, letters); {
		case last == nil || strings.Contains(letters, "="):
		case found && last.NoOptDefVal == alone:
			args[i] = letters + "=/" + path
		case !found && last.NoOptDefVal == "":
			i++ // the next argument is its value
		}
	}
	return args
}

func isFlag(arg string) bool { return len(arg) > 1 && arg[0] == '-' && arg != "--" }

// lastFlag is the flag that ends "--target" or "-mut", or nil if one before it takes the rest as its value.
func lastFlag(flags *pflag.FlagSet, arg string) *pflag.Flag {
	if name, long := strings.CutPrefix(arg, "--"); long {
		return flags.Lookup(name)
	}
	letters := strings.TrimPrefix(arg, "-")
	for i := range len(letters) {
		flag := flags.ShorthandLookup(letters[i : i+1])
		if flag == nil || flag.NoOptDefVal == "" || i == len(letters)-1 {
			if i < len(letters)-1 {
				return nil
			}
			return flag
		}
	}
	return nil
}
