package nsenter

import (
	"context"
	"errors"
	"fmt"
	"os"

	"nsexec/ns"
)

// exitSignalMask is clone(2)'s CSIGNAL: the low byte of its flags.
const exitSignalMask = 0xff

// sigchld is SIGCHLD where there is clone(2), but for MIPS and SPARC.
const sigchld = 17

// Clone joins the namespaces of types t that the process pid is in, creates
// those that flags name (CLONE_NEW*) below them, and runs f there. It returns
// the payload's pid as the caller sees it, when f is about to run.
//
// The payload is nobody's to wait for: the library reaps it, so that the target
// can always end. The function's context ends when the caller exits. Its stdout
// and stderr are the caller's. Who wants its result or its status uses
// [Func.Command].
//
// The low byte of flags is 0 or SIGCHLD: the payload is a sibling of stage 0
// (CLONE_PARENT), whose exit signal it takes. For a new time namespace, whose
// flag lies in that byte, use [Cmd.Unshare]. Flags that make the payload share
// something with a process (CLONE_VM and so on) are refused.
func Clone(pid int, types ns.Type, f *Func, flags uintptr) (int, error) {
	create, err := cloneTypes(flags)
	if err != nil {
		return 0, err
	}
	if f == nil {
		return 0, callerError("clone", "", errors.New("there is no function"))
	}
	if err := Available(); err != nil {
		return 0, err
	}
	var set *ns.Set
	if types != 0 {
		if set, err = ns.OfPID(pid, types); err != nil {
			return 0, err
		}
		defer set.Close()
	}
	c := f.Command(context.Background(), set, nil)
	c.Unshare = create
	c.Stdout, c.Stderr = os.Stdout, os.Stderr
	if err := c.Start(); err != nil {
		return 0, err
	}
	go func() { _ = c.Wait() }() // gives up what Start holds
	return c.Process.Pid, nil
}

// cloneTypes are the namespaces that clone(2)'s flags ask for.
func cloneTypes(flags uintptr) (ns.Type, error) {
	signal, rest := flags&exitSignalMask, ns.Type(flags&^exitSignalMask)
	if signal != 0 && signal != sigchld {
		return 0, callerError("clone", "", fmt.Errorf("exit signal %d: only SIGCHLD can be had", signal))
	}
	if unknown := rest &^ ns.All; unknown != 0 {
		return 0, callerError("clone", "", fmt.Errorf("flags %#x: only CLONE_NEW* are for a process of its own", uint64(unknown)))
	}
	return rest, nil
}
