//go:build !linux

package ns

import (
	"errors"
	"os"
	"testing"
)

func TestEverythingIsUnsupported(t *testing.T) {
	_, open := Open("/proc/self/ns/net")
	_, current := Current(Net)
	_, ofPID := OfPID(os.Getpid(), All)
	_, made := New(Net)
	_, supported := Supported()
	_, list := List()
	for i, err := range []error{open, current, ofPID, made, supported, list, Setns("/x", Net), Unpin("/x")} {
		if !errors.Is(err, errors.ErrUnsupported) {
			t.Errorf("%d: %v", i, err)
		}
	}
}
