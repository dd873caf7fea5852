//go:build linux && cgo

package main

import (
	"errors"
	"math"
	"strconv"
	"strings"

	"github.com/spf13/pflag"
)

// optionalPath is the value of a flag that may be absent, stand alone, or name a file.
type optionalPath struct {
	given bool
	path  string // "" if it stands alone: the target's
}

// alone is what pflag sets a flag to that stands alone. No argument can hold a NUL.
const alone = "\x00"

func addOptional(flags *pflag.FlagSet, o *optionalPath, long, short string) {
	flags.VarPF(o, long, short, "").NoOptDefVal = alone
}

func (o *optionalPath) ofTarget() bool { return o.given && o.path == "" }

// Set, String and Type make it a pflag.Value.
func (o *optionalPath) Set(s string) error {
	if s == "" {
		return errors.New("empty path")
	}
	*o = optionalPath{given: true, path: strings.TrimPrefix(s, alone)}
	return nil
}

func (o *optionalPath) String() string { return o.path }
func (o *optionalPath) Type() string   { return "path" }

// id is a user or group id, or nsenter.Unchanged.
type id int

// Set refuses the highest number, which to the kernel means "no change".
func (i *id) Set(s string) error {
	n, err := strconv.ParseUint(s, 10, 32)
	if err != nil || n == math.MaxUint32 {
		return errors.New("not an id, which is a number from 0 to 4294967294")
	}
	*i = id(n)
	return nil
}

func (i *id) String() string { return strconv.Itoa(int(*i)) }
func (i *id) Type() string   { return "id" }
