//go:build linux && cgo

package main

import (
	"fmt"
	"io"
	"strings"

	"nsexec/nsenter"
)

// tracer returns what prints the stages' steps as they happen.
func tracer(w io.Writer) func(nsenter.Step) {
	return func(s nsenter.Step) {
		line := fmt.Sprintf("nsexec: %6d us  %-7s  pid %d  %s\n", s.Since.Microseconds(), s.Stage, s.PID, describeStep(s))
		_, _ = io.WriteString(w, line) // where nobody can be told that it fails
	}
}

// describeStep is what was done, and to which namespaces: "join user net mnt".
func describeStep(s nsenter.Step) string {
	return strings.Join(append([]string{s.Op}, typeNames(s.Type)...), " ")
}
