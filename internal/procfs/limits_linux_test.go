package procfs

import (
	"errors"
	"os"
	"testing"

	"golang.org/x/sys/unix"
)

// Where there are too few descriptors, each answer that takes one says so: none looks like that of a process that has gone.
func TestWithoutDescriptors(t *testing.T) {
	p, err := OpenProcess(os.Getpid())
	if err != nil {
		t.Fatal(err)
	}
	defer p.Close()
	answers := map[string]func() error{
		"Command": func() error { _, err := p.Command(); return err },
		"Mounts":  func() error { _, err := p.Mounts(); return err },
		"NS":      func() error { _, err := p.NS("net"); return err },
		"Threads": func() error { return p.Threads(func(*Process) {}) },
	}
	errs := make(map[string]error)
	withoutDescriptors(t, func() {
		for name, ask := range answers {
			errs[name] = ask()
		}
	})
	for name, ask := range answers {
		if !errors.Is(errs[name], unix.EMFILE) {
			t.Errorf("%s without descriptors: %v", name, errs[name])
		}
		if err := ask(); err != nil {
			t.Errorf("%s: %v", name, err)
		}
	}
}

// withoutDescriptors runs fn while no file can be opened.
func withoutDescriptors(t *testing.T, fn func()) {
	var limit unix.Rlimit
	if err := unix.Getrlimit(unix.RLIMIT_NOFILE, &limit); err != nil {
		t.Fatal(err)
	}
	if err := unix.Setrlimit(unix.RLIMIT_NOFILE, &unix.Rlimit{Max: limit.Max}); err != nil {
		t.Fatal(err)
	}
	defer unix.Setrlimit(unix.RLIMIT_NOFILE, &limit)
	fn()
}
