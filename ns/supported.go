package ns

import "sync/atomic"

var supportedTypes atomic.Uint64

// Supported returns the types that this kernel has, from /proc/thread-self/ns. A kernel does not change while it
// runs, so it is read once.
func Supported() (Type, error) {
	if t := Type(supportedTypes.Load()); t != 0 {
		return t, nil
	}
	t, err := supported()
	if err == nil {
		supportedTypes.Store(uint64(t))
	}
	return t, err
}
