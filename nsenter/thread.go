//go:build linux && cgo

package nsenter

import (
	"runtime"
	"sync"
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
