package kernel

import "sync/atomic"

// Answer is what a probe found out.
type Answer int32

// The three answers. Unknown is for a probe that failed for another reason than the one that tells: a seccomp
// filter, a lack of memory or descriptors. It is not remembered.
const (
	Unknown Answer = iota
	No
	Yes
)

func (a Answer) String() string { return [...]string{"unknown", "no", "yes"}[a] }

// Probe is one feature of the kernel and the way to find out about it.
type Probe struct {
	Name  string
	Since string        // the mainline version that it came with
	Try   func() Answer // uses the feature

	known atomic.Int32
}

// Ask returns the answer. Only a conclusive one is remembered.
func (p *Probe) Ask() Answer {
	if a := Answer(p.known.Load()); a != Unknown {
		return a
	}
	a := p.Try()
	p.known.Store(int32(a))
	return a
}

// Has tells whether the feature is certainly there: where one cannot tell, the older way is taken.
func (p *Probe) Has() bool { return p.Ask() == Yes }

// Force makes the probe answer a until restore is called. It is for tests, which run every way that the
// code can take whatever the kernel has.
func (p *Probe) Force(a Answer) (restore func()) {
	old := p.known.Swap(int32(a))
	return func() { p.known.Store(old) }
}
