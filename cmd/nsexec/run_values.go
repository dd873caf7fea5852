//go:build linux && cgo

package main

import (
	"fmt"
	"math"
	"slices"
	"strconv"
	"strings"
	"time"

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

// idMaps are ranges of ids: INNER:OUTER:COUNT, or OUTER,INNER,COUNT as unshare(1) had it before 2.39.
type idMaps []nsenter.IDMap

// Set adds a range.
func (m *idMaps) Set(s string) error {
	separator := ":"
	if strings.Contains(s, ",") {
		separator = ","
	}
	fields := strings.Split(s, separator)
	var ids [3]int
	if len(fields) != len(ids) {
		return fmt.Errorf("want INNER:OUTER:COUNT, or OUTER,INNER,COUNT")
	}
	for i, field := range fields {
		n, err := strconv.ParseUint(field, 10, 32)
		if err != nil || n > math.MaxInt {
			return fmt.Errorf("%q is not a number of ids", field)
		}
		ids[i] = int(n)
	}
	if separator == "," {
		ids[0], ids[1] = ids[1], ids[0]
	}
	*m = append(*m, nsenter.IDMap{ContainerID: ids[0], HostID: ids[1], Size: ids[2]})
	return nil
}

func (m *idMaps) String() string { return "" }
func (m *idMaps) Type() string   { return "range" }

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
