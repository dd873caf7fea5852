//go:build linux

// Package turns measures ways to do the same thing, one beside the other: they take turns, so that whatever else the
// machine does meanwhile befalls them all.
package turns

import (
	"fmt"
	"math/rand/v2"
	"os"
	"os/exec"
	"runtime"
	"slices"
	"strings"
	"syscall"
	"time"

	"golang.org/x/sys/unix"

	"nsexec/ns"
)

// Contender is one way, and how long it took each time.
type Contender struct {
	Name  string
	Run   func() error
	Timed func() (time.Duration, error) // instead of Run: takes the time itself
	times []time.Duration
}

// Take lets each have its turn so many times, in another order each time: who comes after one that leaves the caches
// to others pays for it.
func Take(rounds int, contenders []*Contender) error {
	order := slices.Clone(contenders)
	for range rounds {
		rand.Shuffle(len(order), func(i, j int) { order[i], order[j] = order[j], order[i] })
		for _, c := range order {
			took, err := c.turn()
			if err != nil {
				return fmt.Errorf("%s: %w", c.Name, err)
			}
			c.times = append(c.times, took)
		}
	}
	return nil
}

func (c *Contender) turn() (time.Duration, error) {
	if c.Timed != nil {
		return c.Timed()
	}
	begun := time.Now()
	err := c.Run()
	return time.Since(begun), err
}

// Forget drops what has been measured so far: of a first turn, say.
func (c *Contender) Forget() { c.times = nil }

// Quantile is the time that this share of all turns did not exceed.
func (c *Contender) Quantile(q float64) time.Duration {
	slices.Sort(c.times)
	return c.times[int(q*float64(len(c.times)-1))]
}

// Table prints them as Markdown, with the ratio of the medians to that of the first one, whose name is base.
func Table(base string, contenders []*Contender) {
	fmt.Printf("| | median, ms | 5 %% | / %s |\n|---|---|---|---|\n", base)
	first := float64(contenders[0].Quantile(0.5))
	for _, c := range contenders {
		median := float64(c.Quantile(0.5))
		fmt.Printf("| %s | %.2f | %.2f | %.2f |\n", c.Name, median/1e6, float64(c.Quantile(0.05))/1e6, median/first)
	}
}

// Machine describes where this was measured.
func Machine() string {
	var name unix.Utsname
	_ = unix.Uname(&name)
	load, _ := os.ReadFile("/proc/loadavg")
	return fmt.Sprintf("Linux %s, %d processors,\n%s, at a load average of %s", unix.ByteSliceToString(name.Release[:]),
		runtime.NumCPU(), runtime.Version(), strings.Fields(string(load) + " ?")[0])
}

// WithTarget calls fn with a process that waits in new namespaces of these types.
func WithTarget(types ns.Type, fn func(pid int) error) error {
	target := exec.Command("sleep", "600")
	target.SysProcAttr = &syscall.SysProcAttr{Cloneflags: uintptr(types), Pdeathsig: syscall.SIGKILL}
	runtime.LockOSThread() // the death signal is tied to this thread
	defer runtime.UnlockOSThread()
	if err := target.Start(); err != nil {
		return fmt.Errorf("start target: %w", err)
	}
	done := make(chan error)
	go func() { done <- fn(target.Process.Pid) }() // on a thread like any: a locked one pays two switches more for each wait
	err := <-done
	_ = target.Process.Kill()
	_ = target.Wait() // it was killed
	return err
}

// Six types is what a container mostly has of its own.
const Six = ns.Mount | ns.UTS | ns.IPC | ns.Net | ns.PID | ns.Cgroup
