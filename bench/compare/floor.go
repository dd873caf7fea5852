//go:build linux && cgo

package main

import (
	"os/exec"
	"strconv"

	"nsexec/bench/turns"
)

// floors are what is left without Go, and without a C library in what is run.
func (b *bench) floors() (contenders []*turns.Contender, closeFloor func(), err error) {
	bare, err := compileC(b.dir, "bare", bareC, "-nostdlib")
	if err != nil {
		return nil, nil, err
	}
	floor, err := b.startC("floor", floorC)
	if err != nil {
		return nil, nil, err
	}
	duty, err := b.startC("duty", dutyC)
	if err != nil {
		floor.Close()
		return nil, nil, err
	}
	six := int(turns.Six)
	return []*turns.Contender{
		floor.Contender("C: vfork, exec, wait", "0"),
		floor.Contender("C: the same, six namespaces joined", strconv.Itoa(six)),
		floor.Contender("C: the same, by another process", strconv.Itoa(-six)),
		duty.Contender("C: all that a launcher's call owes", ""),
		{Name: "os/exec, program without C library", Run: func() error { return exec.Command(bare).Run() }},
		{Name: "launcher, program without C library", Run: func() error { return b.launcher.Command(b.set, bare).Run() }},
	}, func() { floor.Close(); duty.Close() }, nil
}

// startC starts a worker of C source.
func (b *bench) startC(name, source string) (*turns.Worker, error) {
	program, err := compileC(b.dir, name, source)
	if err != nil {
		return nil, err
	}
	return turns.StartWorker(program, strconv.Itoa(b.pid), b.program)
}
