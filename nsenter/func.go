package nsenter

import (
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"sync"
	"time"

	"nsexec/ns"
)

// Func is a Go function that can be a payload: it runs inside other namespaces,
// in a process of its own, in which the calling program's Go runtime boots.
//
// Only for targets that one trusts with one's privileges. Booting means that
// files of the target are opened (Go 1.26: /proc/self/maps, cgroup, mountinfo,
// /sys/kernel/mm; a FIFO there hangs it until StartTimeout), that the init
// functions of all packages run inside, and that a libc may load the target's
// libnss: build with -tags netgo,osusergo. Run programs ([Command]) in any other.
//
// The payload is the same executable, so the function is found by its name:
// create every Func while packages are initialised, and call [Init] first in
// main. The init functions that run before see stage 0's arguments and
// environment, not what Args and Env say. What the Go runtime reads when it
// boots (GODEBUG, GOMAXPROCS and so on) is the caller's, not what Env says.
//
// The payload is not dumpable (prctl(2)): it leaves no core, and only the
// privileged may trace it or read its /proc/PID. A panic of the function is an
// error; one in another goroutine ends the payload without a result.
type Func struct {
	name string
	fn   func(ctx context.Context, in []byte) ([]byte, error)

	launcher *Launcher // nil: one-shot
}

var functions struct {
	sync.Mutex
	byName map[string]*Func
	inited bool
}

// NewFunc registers fn under a name, which must be unique: otherwise it panics,
// as it does for an empty name or a nil function. Call it for package-level
// variables or in init functions.
//
// fn's context ends with that of Command or Call. What fn returns comes back: up
// to 1 GiB, and an error of up to 1 MiB of text, for which errors.Is still tells
// errnos and the well-known errors of io, os, context and this module.
func NewFunc(name string, fn func(ctx context.Context, in []byte) ([]byte, error)) *Func {
	if name == "" || fn == nil {
		panic("nsenter: NewFunc without a name or a function")
	}
	functions.Lock()
	defer functions.Unlock()
	if functions.byName[name] != nil {
		panic("nsenter: NewFunc of " + name + " twice")
	}
	if functions.byName == nil {
		functions.byName = make(map[string]*Func)
	}
	f := &Func{name: name, fn: fn}
	functions.byName[name] = f
	return f
}

func functionNamed(name string) *Func {
	functions.Lock()
	defer functions.Unlock()
	return functions.byName[name]
}

func functionsInited() bool {
	functions.Lock()
	defer functions.Unlock()
	return functions.inited
}

// Init must be the first thing that main, or TestMain, does in a program that
// uses Func:
//
//	if nsenter.Init() {
//		return
//	}
//
// In a payload it runs the function and returns true. Elsewhere it returns false.
func Init() bool {
	functions.Lock()
	functions.inited = true
	functions.Unlock()
	return runFunction()
}

// errNoInit is for a program whose payloads would run main instead of a function.
var errNoInit = errors.New("nsenter.Init has not been called: " +
	"make \"if nsenter.Init() { return }\" the first line of main (or TestMain)")

// functionGrace is how long a function's payload may take to exit after its
// result, and after its context is done.
const functionGrace = time.Second

// Command returns a Cmd that runs the function inside the namespaces of set. Use
// it like any other: Unshare, Env, Stdout, BeforeExec and so on. Start returns
// when the function is about to run. When ctx is done, the function's context
// is; WaitDelay later (by default one second) its payload is killed. After Wait,
// Result tells what the function has returned.
func (f *Func) Command(ctx context.Context, set *ns.Set, in []byte) *Cmd {
	c := CommandContext(ctx, set, f.name)
	c.launcher = f.launcher
	c.WaitDelay = functionGrace
	c.function = &functionCall{fn: f, in: in, heard: make(chan struct{})}
	c.Cancel = func() error { return c.function.cancel() }
	return c
}

// Call is Command, Run and Result in one.
func (f *Func) Call(ctx context.Context, set *ns.Set, in []byte) ([]byte, error) {
	c := f.Command(ctx, set, in)
	if err := c.Run(); err != nil {
		return nil, err
	}
	return c.Result()
}

// Result is what the function of a Cmd made by [Func.Command] has returned, once
// Wait has. An error of the function's is a [*FuncError].
func (c *Cmd) Result() ([]byte, error) {
	switch {
	case c.function == nil:
		return nil, errors.New("nsenter: get result: the payload is a program, not a function")
	case c.function.result == nil && c.function.err == nil:
		return nil, errors.New("nsenter: get result: Wait has not been called")
	}
	return c.function.result, c.function.err
}

// TypedFunc is a Func of any types that encoding/json can carry.
type TypedFunc[In, Out any] struct{ *Func }

// Register is NewFunc for any types that encoding/json can carry.
func Register[In, Out any](name string, fn func(ctx context.Context, in In) (Out, error)) TypedFunc[In, Out] {
	return TypedFunc[In, Out]{NewFunc(name, func(ctx context.Context, raw []byte) ([]byte, error) {
		var in In
		if err := json.Unmarshal(raw, &in); err != nil {
			return nil, fmt.Errorf("decode input of %s: %w", name, err)
		}
		out, err := fn(ctx, in)
		if err != nil {
			return nil, err
		}
		if raw, err = json.Marshal(out); err != nil {
			return nil, fmt.Errorf("encode output of %s: %w", name, err)
		}
		return raw, nil
	})}
}

// Call runs the function inside the namespaces of set.
func (f TypedFunc[In, Out]) Call(ctx context.Context, set *ns.Set, in In) (Out, error) {
	var out Out
	raw, err := json.Marshal(in)
	if err != nil {
		return out, fmt.Errorf("nsenter: encode input of %s: %w", f.name, err)
	}
	raw, err = f.Func.Call(ctx, set, raw)
	if err != nil {
		return out, err
	}
	if err := json.Unmarshal(raw, &out); err != nil {
		return out, fmt.Errorf("nsenter: decode output of %s: %w", f.name, err)
	}
	return out, nil
}
