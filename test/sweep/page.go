//go:build linux && cgo

package main

import (
	"errors"
	"fmt"
	"os"
	"path/filepath"
	"runtime"
	"strings"
	"time"

	"golang.org/x/sys/unix"
)

// page is the part of docs/reliability.md that a sweep has made.
type page struct {
	swept []swept
	took  time.Duration
}

// Between these lines of the page stands what is made.
const (
	beginMark = "<!-- sweep -->\n"
	endMark   = "<!-- /sweep -->\n"
)

// write replaces what an earlier sweep has made.
func (p *page) write(docs string) error {
	path := filepath.Join(docs, "reliability.md")
	old, err := os.ReadFile(path)
	if err != nil {
		return err
	}
	before, rest, ok := strings.Cut(string(old), beginMark)
	_, after, ended := strings.Cut(rest, endMark)
	if !ok || !ended {
		return fmt.Errorf("write %s: the marks are missing", path)
	}
	return os.WriteFile(path, []byte(before+beginMark+"\n"+p.text()+"\n"+endMark+after), 0o644)
}

func (p *page) text() string {
	var b strings.Builder
	total, survived := p.count()
	fmt.Fprintf(&b, "%d cases, %d survived, on %s, as %s, in %s.\n\n",
		total, survived, machine(), who(), p.took.Round(time.Second))
	b.WriteString("| scenario |")
	for _, kind := range allKinds {
		fmt.Fprintf(&b, " %s |", kind)
	}
	b.WriteString(" cases | survived |\n|---|" + strings.Repeat("---|", len(allKinds)+2) + "\n")
	for i := range p.swept {
		p.swept[i].row(&b)
	}
	return b.String()
}

func (s *swept) row(b *strings.Builder) {
	fmt.Fprintf(b, "| %s |", s.scenario.Name)
	for _, kind := range allKinds {
		all, survived := s.count(kind)
		if all == survived {
			fmt.Fprintf(b, " %d |", all)
		} else {
			fmt.Fprintf(b, " **%d of %d** |", survived, all)
		}
	}
	all, survived := s.count("")
	fmt.Fprintf(b, " %d | %d |\n", all, survived)
}

// count is of a kind, or of all.
func (s *swept) count(kind Kind) (all, survived int) {
	for _, r := range s.results {
		if kind != "" && r.Kind != kind {
			continue
		}
		all++
		if r.Complaint == "" {
			survived++
		}
	}
	return all, survived
}

func (p *page) count() (all, survived int) {
	for i := range p.swept {
		a, s := p.swept[i].count("")
		all, survived = all+a, survived+s
	}
	return all, survived
}

// complaint is what was not survived.
func (p *page) complaint() error {
	var errs []error
	for i := range p.swept {
		errs = append(errs, p.swept[i].complaints()...)
	}
	return errors.Join(errs...)
}

func (s *swept) complaints() (errs []error) {
	for _, r := range s.results {
		if r.Complaint != "" {
			errs = append(errs, fmt.Errorf("%s: %s: %s", s.scenario.Name, r.Fault, r.Complaint))
		}
	}
	return append(errs, s.err)
}

func machine() string {
	var u unix.Utsname
	_ = unix.Uname(&u) // it cannot fail
	release := unix.ByteSliceToString(u.Release[:])
	return fmt.Sprintf("Linux %s, %s, with %d processors", release, runtime.GOARCH, runtime.NumCPU())
}

func who() string {
	switch {
	case os.Geteuid() != 0:
		return "an ordinary user"
	case isInitialUserns():
		return "root"
	}
	return "root of a user namespace"
}
