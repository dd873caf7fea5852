//go:build linux && cgo

package nsenter

import (
	"fmt"
	"runtime"
	"sync"

	"nsexec/ns"
)

// lastingThread runs functions on a thread that ends only with the process. A
// parent-death signal is sent when the thread that has forked ends, and Go ends
// threads as it likes.
var lastingThread = sync.OnceValue(func() chan<- func() {
	work := make(chan func())
	go func() {
		runtime.LockOSThread()
		for fn := range work {
			fn()
		}
	}()
	return work
})

func onLastingThread(fn func()) {
	done := make(chan struct{})
	lastingThread() <- func() {
		defer close(done)
		fn()
	}
	<-done
}

// namespacesHere are those that a child of the calling thread would be in. One
// that the kernel does not have, or that procfs does not show, is left out.
func namespacesHere() map[ns.Type]ns.ID {
	here := make(map[ns.Type]ns.ID)
	for _, t := range ns.All.Types() {
		if id, err := currentID(t); err == nil {
			here[t] = id
		}
	}
	return here
}

// checkSameThere refuses to start on the lasting thread what its caller, who has
// moved his own thread, would have started elsewhere.
func checkSameThere(here, there map[ns.Type]ns.ID) error {
	var moved ns.Type
	for _, t := range ns.All.Types() {
		if here[t] != there[t] {
			moved |= t
		}
	}
	if moved == 0 {
		return nil
	}
	return callerError("set KillOnExit", "", fmt.Errorf(
		"the calling thread has left the program's %s, and a payload cannot die with it", typeNames(moved)))
}
