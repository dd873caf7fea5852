//go:build linux && cgo

package main

import (
	"errors"
	"fmt"
	"slices"
	"strconv"
	"strings"
	"syscall"
	"time"

	"golang.org/x/sys/unix"

	"nsexec/ns"
	"nsexec/nsenter"
)

// The values of run's flags. Set, String and Type make each a pflag.Value.

// joinList is --join: types by their names, "all", and TYPE=FILE, separated by commas.
type joinList execFlags

// Set adds what s names to what is joined.
func (j *joinList) Set(s string) error {
	for item := range strings.SplitSeq(s, ",") {
		if item == "all" {
			j.all = true
			continue
		}
		name, path, isFile := strings.Cut(item, "=")
		t, err := ns.ParseType(name)
		if err != nil {
			return err
		}
		if !isFile {
			path = alone
		}
		if err := j.namespaces[t].Set(path); err != nil {
			return fmt.Errorf("%s: %w", item, err)
		}
	}
	return nil
}

func (j *joinList) String() string { return "" }
func (j *joinList) Type() string   { return "types" }

// offset is how far a clock is shifted: seconds, or a duration with a unit.
type offset time.Duration

// Set refuses what the 64 bits of a Duration cannot hold: more than 292 years.
func (o *offset) Set(s string) error {
	d, err := time.ParseDuration(s)
	if _, isNumber := strconv.ParseFloat(s, 64); isNumber == nil {
		d, err = time.ParseDuration(s + "s")
	}
	if err != nil {
		return fmt.Errorf("not seconds, or a duration such as -36h or 1.5s")
	}
	*o = offset(d)
	return nil
}

func (o *offset) String() string { return time.Duration(*o).String() }
func (o *offset) Type() string   { return "offset" }

// choice is one word of a few, or "" if none is given.
type choice struct {
	of    []string
	value string
}

// Set takes one of the words.
func (c *choice) Set(s string) error {
	if !slices.Contains(c.of, s) {
		return fmt.Errorf("want %s", strings.Join(c.of, ", "))
	}
	c.value = s
	return nil
}

// index is -1 if none is given.
func (c *choice) index() int     { return slices.Index(c.of, c.value) }
func (c *choice) String() string { return c.value }
func (c *choice) Type() string   { return "word" }

// ownerIDs is UID or UID:GID.
type ownerIDs struct {
	given    bool
	uid, gid int
}

// Set takes names as well.
func (o *ownerIDs) Set(s string) (err error) {
	uid, gid, both := strings.Cut(s, ":")
	*o = ownerIDs{given: true, gid: nsenter.Unchanged}
	if o.uid, err = userID(uid); err == nil && both {
		o.gid, err = groupID(gid)
	}
	return err
}

func (o *ownerIDs) String() string { return "" }

// Type makes it a pflag.Value, with Set and String.
func (o *ownerIDs) Type() string { return "owner" }

// killSignal is a signal by its name or number, SIGKILL if the flag stands alone.
type killSignal struct {
	given  bool
	signal syscall.Signal
}

// Set takes the name with and without SIG.
func (k *killSignal) Set(s string) error {
	k.given, k.signal = true, unix.SIGKILL
	if s == alone {
		return nil
	}
	name := strings.ToUpper(s)
	if k.signal = unix.SignalNum("SIG" + strings.TrimPrefix(name, "SIG")); k.signal != 0 {
		return nil
	}
	n, err := strconv.Atoi(s)
	if err != nil || n < 1 || n > lastSignal {
		return errors.New("not a signal")
	}
	k.signal = syscall.Signal(n)
	return nil
}

// lastSignal is SIGRTMAX, but for MIPS.
const lastSignal = 64

func (k *killSignal) String() string { return "" }

// Type makes it a pflag.Value, with Set and String.
func (k *killSignal) Type() string { return "signal" }
