//go:build linux && cgo

package nsenter

import (
	"context"
	"errors"
	"fmt"
	"os"
	"strings"

	"golang.org/x/sys/unix"
)

// A function's payload dies with its caller until its Go runtime runs, which the
// target's files may keep it from; then that is over, unless it was asked for.
// The signal is one of the main thread, and init functions run on that.
func init() {
	if _, _, _, ok := functionFDs(); ok {
		_ = unix.Prctl(unix.PR_SET_PDEATHSIG, uintptr(functionDeathSignal()), 0, 0, 0)
	}
}

// runFunction runs the function that this process is the payload of, if it is one.
func runFunction() bool {
	sock, input, output, ok := functionFDs()
	if !ok {
		return false
	}
	var in functionInput
	data, err := readParts(os.NewFile(uintptr(input), "function input"), &in, noLimit, noLimit)
	if err != nil {
		return true // no function, no result: that is how the caller learns of it
	}
	in.adopt()
	control := os.NewFile(uintptr(sock), "caller")
	if _, err := control.Write(bootedReply()); err != nil {
		return true
	}
	ctx, cancel := in.context(control)
	defer cancel()
	result, failure := in.call(ctx, data)
	if len(result) > maxResult {
		result, failure = nil, toWire(errTooLong)
	}
	err = writeParts(os.NewFile(uintptr(output), "function output"), functionOutput{Err: failure}, result)
	if err == nil {
		_, _ = control.Write([]byte{doneByte})
	}
	return true
}

var errGoexit = errors.New("nsenter: the function has called runtime.Goexit")

// adopt makes arguments and environment what the caller wants, instead of stage
// 0's. What is written to stderr from here on is not kept if nobody reads it.
func (in *functionInput) adopt() {
	if in.DevNull > 0 {
		_ = unix.Dup3(in.DevNull, 2, 0)
		_ = unix.Close(in.DevNull)
	}
	os.Args = strings.Split(string(in.Args), "\x00")
	os.Clearenv()
	for kv := range strings.SplitSeq(string(in.Env), "\x00") {
		if key, value, ok := strings.Cut(kv, "="); ok {
			_ = os.Setenv(key, value)
		}
	}
}

// context ends when the caller says so, or is no more.
func (in *functionInput) context(control *os.File) (context.Context, context.CancelFunc) {
	ctx, cancel := context.WithCancel(context.Background())
	go func() {
		defer cancel()
		var word [1]byte
		for {
			if _, err := control.Read(word[:]); err != nil || word[0] == cancelByte {
				return
			}
		}
	}()
	if in.Timeout <= 0 {
		return ctx, cancel
	}
	timed, stop := context.WithTimeout(ctx, in.Timeout)
	return timed, func() { stop(); cancel() }
}

// call turns a panic into an error. It has a goroutine of its own for the
// function, since runtime.Goexit would end ours before there is a result.
func (in *functionInput) call(ctx context.Context, data []byte) (result []byte, failure *wireError) {
	f := functionNamed(in.Name)
	if f == nil {
		return nil, toWire(fmt.Errorf("nsenter: no function %s in the payload: create it while packages are initialised", in.Name))
	}
	done := make(chan struct{})
	go func() {
		defer close(done)
		defer func() {
			if value := recover(); value != nil {
				failure = panicToWire(value)
			}
		}()
		failure = toWire(errGoexit) // unless it returns
		out, err := f.fn(ctx, data)
		result, failure = out, toWire(err)
	}()
	<-done
	return result, failure
}
