//go:build linux && cgo

package main

import (
	_ "embed" // the C programs
	"fmt"
	"os"
	"os/exec"
	"path/filepath"
	"slices"
	"strings"
)

var (
	//go:embed c/true.c
	trueC string
	//go:embed c/bare.c
	bareC string
	//go:embed c/floor.c
	floorC string
	//go:embed c/duty.c
	dutyC string
)

// compileC makes a static program of C source.
func compileC(dir, name, source string, flags ...string) (program string, err error) {
	program = filepath.Join(dir, name)
	arg := slices.Concat([]string{"-O2", "-static", "-x", "c", "-o", program, "-"}, flags)
	return program, compile(source, "gcc", arg...)
}

// buildCaller makes an executable of the caller's that has that size.
func buildCaller(dir string, size int64) (program string, err error) {
	program = filepath.Join(dir, fmt.Sprintf("caller%d", size/1e6))
	if _, err := os.Stat(program); err == nil {
		return program, nil
	}
	if err := linkCaller(dir, program, 0); err != nil {
		return "", err
	}
	info, err := os.Stat(program)
	if err != nil {
		return "", err
	}
	return program, linkCaller(dir, program, max(0, size-info.Size()))
}

// linkCaller links so many bytes of data in. Their file is called by their number: go build takes what it has linked
// before for up to date while no flag changes.
func linkCaller(dir, program string, padding int64) error {
	pad := filepath.Join(dir, fmt.Sprintf("pad%d.o", padding))
	source := fmt.Sprintf(".section .rodata\n.zero %d\n.section .note.GNU-stack\n", padding)
	if err := compile(source, "gcc", "-c", "-x", "assembler", "-o", pad, "-"); err != nil {
		return err
	}
	flags := "-s -w -linkmode=external -extldflags=" + pad
	return compile("", "go", "build", "-buildvcs=false", "-ldflags", flags, "-o", program, "nsexec/bench/caller")
}

func compile(source, tool string, arg ...string) error {
	cmd := exec.Command(tool, arg...)
	cmd.Stdin = strings.NewReader(source)
	if out, err := cmd.CombinedOutput(); err != nil {
		return fmt.Errorf("%s: %w: %s", cmd, err, out)
	}
	return nil
}
