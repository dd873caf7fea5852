//go:build linux && cgo

package nsenter_test

import (
	"os/signal"
	"syscall"
	"testing"
)

// The payload's status may be lost, and its result is not.
func TestFuncResultWhereStatusIsLost(t *testing.T) {
	if !alone(t) {
		return
	}
	signal.Ignore(syscall.SIGCHLD)
	if out, err := echo.Call(t.Context(), nil, []byte("still")); string(out) != "still" || err != nil {
		t.Errorf("%q, %v", out, err)
	}
	if out, err := lingerFunc.Call(t.Context(), nil, nil); string(out) != "result" || err != nil {
		t.Errorf("killed after its result: %q, %v", out, err)
	}
}
