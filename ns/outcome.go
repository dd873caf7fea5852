package ns

import "runtime"

// outcome is how a function has ended that ran on another goroutine than its caller's.
type outcome struct {
	err      error
	panicked any
	goexit   bool // or panicked
}

// observe calls fn and reports how it ended, also when that is the end of the goroutine.
func observe(fn func() error, report func(outcome)) {
	o := outcome{goexit: true}
	defer func() {
		if o.goexit {
			o.panicked = recover()
		}
		report(o)
	}()
	o.err = fn()
	o.goexit = false
}

// resume ends the caller's function in the same way.
func (o outcome) resume() error {
	if o.panicked != nil {
		panic(o.panicked)
	}
	if o.goexit {
		runtime.Goexit()
	}
	return o.err
}
