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
	var hs [2]*ns.Handle
	for i := range hs {
		h, err := ns.New(ns.Net)
		if err != nil {
			return err
		}
		defer h.Close()
		hs[i] = h
	}
	runner, err := hs[0].Runner()
	if err != nil {
		return err
	}
	defer runner.Close()
	theirs, err := cni.GetNS(procPath(hs[0]))
	if err != nil {
		return err
	}
	defer theirs.Close()
	theirs2, err := cni.GetNS(procPath(hs[1]))
	if err != nil {
		return err
	}
	defer theirs2.Close()

	nothing := func() error { return nil }
	do := func(h *ns.Handle) func(int) error {
		return func(n int) error {
			for range n {
				if err := h.Do(nothing); err != nil {
					return err
				}
			}
			return nil
		}
	}
	cniDo := func(h cni.NetNS) func(int) error {
		return func(n int) error {
			for range n {
				if err := h.Do(func(cni.NetNS) error { return nil }); err != nil {
					return err
				}
			}
			return nil
		}
	}
	free := []*contender{
		{name: "CNI NetNS.Do", n: 300, run: cniDo(theirs)},
		{name: "Handle.Do", n: 3000, run: do(hs[0])},
		{name: "a bare pair of setns(2), both files open", n: 3000, run: barePair(hs[0])},
		{name: "Runner.Do, one function at a time", n: 300, run: func(n int) error {
			for range n {
				if err := runner.Do(nothing); err != nil {
					return err
				}
			}
			return nil
		}},
		{name: "Runner.Do, batches of 100", n: 3000, run: func(n int) error {
			batch := make([]func() error, 100)
			for i := range batch {
				batch[i] = nothing
			}
			for range n / len(batch) {
				if err := runner.Do(batch...); err != nil {
					return err
				}
			}
			return nil
		}},
	}
	nested := []*contender{
		{name: "CNI NetNS.Do", n: 300, run: func(n int) error {
			return theirs2.Do(func(cni.NetNS) error { return cniDo(theirs)(n) })
		}},
		{name: "Handle.Do", n: 3000, run: func(n int) error {
			return hs[1].Do(func() error { return do(hs[0])(n) })
		}},
	}
	if err := onThread(func() error { return race(slices.Concat(free, nested), rounds) }); err != nil {
		return err
	}
	table("Visiting a network namespace", free)
	table("The same, nested in a visit to another one", nested)
	return nil
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
