//go:build linux

package main

import (
	"runtime"
	"slices"

	cni "github.com/containernetworking/plugins/pkg/ns"
	"golang.org/x/sys/unix"

	"nsexec/ns"
)

// visits compares ways for a goroutine to visit a network namespace and come back.
func visits() error {
	var ours [2]*ns.Handle
	var theirs [2]cni.NetNS
	for i := range ours {
		var err error
		if ours[i], err = ns.New(ns.Net); err != nil {
			return err
		}
		defer ours[i].Close()
		if theirs[i], err = cni.GetNS(procPath(ours[i])); err != nil {
			return err
		}
		defer theirs[i].Close()
	}
	runner, err := ours[0].Runner()
	if err != nil {
		return err
	}
	defer runner.Close()

	free := []*contender{
		{name: "CNI NetNS.Do", n: 300, run: cniDo(theirs[0])},
		{name: "Handle.Do", n: 3000, run: do(ours[0])},
		{name: "a bare pair of setns(2), both files open", n: 3000, run: barePair(ours[0])},
		{name: "Runner.Do, one function at a time", n: 300, run: times(func() error { return runner.Do(nothing) })},
		{name: "Runner.Do, batches of 100", n: 3000, run: batches(runner, 100)},
	}
	nested := []*contender{
		{name: "CNI NetNS.Do", n: 300, run: func(n int) error {
			return theirs[1].Do(func(cni.NetNS) error { return cniDo(theirs[0])(n) })
		}},
		{name: "Handle.Do", n: 3000, run: func(n int) error {
			return ours[1].Do(func() error { return do(ours[0])(n) })
		}},
	}
	if err := onThread(func() error { return race(slices.Concat(free, nested), rounds) }); err != nil {
		return err
	}
	table("Visiting a network namespace", free)
	table("The same, nested in a visit to another one", nested)
	return nil
}

func nothing() error { return nil }

// times repeats a step.
func times(step func() error) func(n int) error {
	return func(n int) error {
		for range n {
			if err := step(); err != nil {
				return err
			}
		}
		return nil
	}
}

func do(h *ns.Handle) func(int) error { return times(func() error { return h.Do(nothing) }) }

func cniDo(h cni.NetNS) func(int) error {
	return times(func() error { return h.Do(func(cni.NetNS) error { return nil }) })
}

// batches hands the runner so many functions at once.
func batches(runner *ns.Runner, size int) func(int) error {
	batch := slices.Repeat([]func() error{nothing}, size)
	return func(n int) error {
		return times(func() error { return runner.Do(batch...) })(n / size)
	}
}

// onThread runs fn on another thread than the main one, where Do would take one of its own.
func onThread(fn func() error) error {
	runtime.LockOSThread() // the main goroutine keeps the main thread
	defer runtime.UnlockOSThread()
	done := make(chan error)
	go func() { done <- fn() }()
	return <-done
}

func barePair(h *ns.Handle) func(int) error {
	return func(n int) error {
		runtime.LockOSThread()
		defer runtime.UnlockOSThread()
		home, err := ns.Current(ns.Net)
		if err != nil {
			return err
		}
		defer home.Close()
		there, back := int(h.Fd()), int(home.Fd())
		for range n {
			if err := unix.Setns(there, unix.CLONE_NEWNET); err != nil {
				return err
			}
			if err := unix.Setns(back, unix.CLONE_NEWNET); err != nil {
				return err
			}
		}
		return nil
	}
}
