//go:build linux && cgo

package main

import (
	"bytes"
	"encoding/json"
	"errors"
	"fmt"
	"os"
	"os/exec"
	"runtime"
	"sync"
	"syscall"
	"time"
)

// batch is how many faults a target and a caller live through, if nothing goes wrong.
const batch = 150

// result is what has come of a fault.
type result struct {
	Fault     string
	Kind      Kind
	What      string
	Complaint string // "": it was survived
}

// extent is how much of a scenario is swept.
type extent string

const (
	everything extent = "everything"
	aSample    extent = "a sample"
)

// runDriver sweeps a scenario, and prints a result for each fault.
func runDriver(arg []string) error {
	runtime.LockOSThread() // callers die with the thread that has started them
	s, err := scenarioNamed(arg[0])
	if err != nil {
		return err
	}
	if extent(arg[1]) == aSample {
		settleTime *= 5
	}
	d, err := newDriver(s)
	if err != nil {
		return err
	}
	faults, err := d.faults(extent(arg[1]))
	if err != nil {
		return err
	}
	results := json.NewEncoder(os.Stdout)
	for i, f := range faults {
		if i%batch == batch-1 {
			if err := d.renew(); err != nil {
				return err
			}
		}
		if err := d.report(f, results); err != nil {
			return err
		}
	}
	if err := d.renew(); err != nil {
		return err
	}
	_, err = d.close()
	return err
}

func (d *driver) faults(much extent) (all []*fault, err error) {
	calls, err := d.learn()
	if err != nil {
		return nil, err
	}
	if much == aSample {
		return sample(d.scenario, calls), nil
	}
	for i := range calls {
		all = append(all, faultsAt(&calls[i])...)
	}
	return all, nil
}

// verboseVariable has every case told as it ends.
const verboseVariable = "NSEXEC_SWEEP_VERBOSE"

func (d *driver) report(f *fault, results *json.Encoder) error {
	begun := time.Now()
	complaint, err := d.try(f)
	if err != nil {
		return fmt.Errorf("%s: %s: %w", f, complaint, err)
	}
	if os.Getenv(verboseVariable) != "" {
		fmt.Fprintf(os.Stderr, "%s: %s %s\n", f, time.Since(begun).Round(time.Millisecond), complaint)
	}
	if f.Role == Caller && complaint == notReached {
		return nil
	}
	return results.Encode(result{Fault: f.String(), Kind: f.Kind, What: f.What, Complaint: complaint})
}

// swept is a scenario's results.
type swept struct {
	scenario scenario
	results  []result
	err      error // the driver's, which has then not come to an end
}

// sweep runs drivers, so many at a time.
func sweep(all []scenario, much extent, workers int) []swept {
	done := make([]swept, len(all))
	slots := make(chan struct{}, workers)
	var drivers sync.WaitGroup
	for i, s := range all {
		drivers.Go(func() {
			slots <- struct{}{}
			defer func() { <-slots }()
			done[i] = swept{scenario: s}
			done[i].results, done[i].err = s.drive(much)
		})
	}
	drivers.Wait()
	return done
}

// driver is a process that sweeps the scenario, and dies with the calling thread.
func (s *scenario) driver(much extent) *exec.Cmd {
	cmd := exec.Command("/proc/self/exe", s.Name, string(much))
	cmd.Env = append(os.Environ(), roleVariable+"=driver")
	cmd.Stderr = os.Stderr
	cmd.SysProcAttr = &syscall.SysProcAttr{Pdeathsig: syscall.SIGKILL}
	return cmd
}

// drive is by a process of its own.
func (s *scenario) drive(much extent) (results []result, err error) {
	runtime.LockOSThread()
	defer runtime.UnlockOSThread()
	out, err := s.driver(much).Output()
	if err != nil {
		err = fmt.Errorf("drive %q: %w", s.Name, err)
	}
	for line := range bytes.Lines(out) {
		var r result
		if lineErr := json.Unmarshal(line, &r); lineErr != nil {
			return results, errors.Join(err, lineErr)
		}
		results = append(results, r)
	}
	return results, err
}

// sweepAll sweeps every scenario, or one, and writes the table.
func sweepAll(docs, only string, workers int) error {
	all := scenarios()
	if only != "" {
		s, err := scenarioNamed(only)
		if err != nil {
			return err
		}
		all = []scenario{*s}
	}
	begun := time.Now()
	done := sweep(all, everything, workers)
	p := page{swept: done, took: time.Since(begun)}
	fmt.Print(p.text())
	if docs != "" {
		if err := p.write(docs); err != nil {
			return err
		}
	}
	return p.complaint()
}
