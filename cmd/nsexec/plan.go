//go:build linux && cgo

package main

import (
	"fmt"
	"os"

	"golang.org/x/sys/unix"

	"nsexec/ns"
	"nsexec/nsenter"
)

// plan is what the flags come to: all that is opened before anything is joined.
type plan struct {
	set        *ns.Set // nil joins nothing
	root, cwd  *os.File
	env        []string // nil is the caller's
	credential *nsenter.Credential
	joinsUser  bool // a user namespace other than the caller's
}

func (p *plan) close() {
	if p.set != nil {
		p.set.Close()
	}
	for _, f := range []*os.File{p.root, p.cwd} {
		if f != nil {
			f.Close()
		}
	}
}

// plan opens what the flags name. The target comes first: see there.
func (f *execFlags) plan() (*plan, error) {
	p := new(plan)
	err := p.open(f)
	if err != nil {
		p.close()
		return nil, err
	}
	return p, nil
}

func (p *plan) open(f *execFlags) (err error) {
	var t *target
	if f.needsTarget() != "" {
		if t, err = openTarget(f.target); err != nil {
			return err
		}
		defer t.close()
	}
	if err := p.openSet(f); err != nil {
		return err
	}
	if p.root, err = openDir(f.root, t, "root"); err != nil {
		return err
	}
	if p.cwd, err = openDir(f.wd, t, "cwd"); err != nil {
		return err
	}
	if f.env {
		if p.env, err = t.environ(); err != nil {
			return err
		}
	}
	if p.joinsUser, err = joinsUser(p.set); err != nil {
		return err
	}
	p.credential = f.credential(p.joinsUser)
	return nil
}

// openSet takes what it can from the target at once, so that it can be joined at once, and adds the files.
func (p *plan) openSet(f *execFlags) (err error) {
	if of := f.ofTarget(); of != 0 {
		if p.set, err = ns.OfPID(f.target, of); err != nil {
			return err
		}
		if missing := of &^ p.set.Types(); missing != 0 && !f.all {
			return fmt.Errorf("open %v of process %d: %w", missing, f.target, ns.ErrAbsent)
		}
	}
	for _, n := range namespaceFlags {
		if path := f.namespaces[n.t].path; path != "" {
			if err := p.addFile(n.t, path); err != nil {
				return err
			}
		}
	}
	return nil
}

// ofTarget is what is to be taken from the target. With --all that is all, files given beside it come after.
func (f *execFlags) ofTarget() ns.Type {
	if f.all {
		return ns.All
	}
	var t ns.Type
	for _, n := range namespaceFlags {
		if f.namespaces[n.t].ofTarget() {
			t |= n.t
		}
	}
	return t
}

func (p *plan) addFile(t ns.Type, path string) error {
	h, err := ns.Open(path)
	if err != nil {
		return err
	}
	defer h.Close()
	if h.Type() != t {
		return fmt.Errorf("open %s namespace %s: %w: it is a %s namespace", t.Name(), path, ns.ErrWrongType, h.Type().Name())
	}
	old := p.set
	if old == nil {
		p.set, err = ns.NewSet(h)
		return err
	}
	if p.set, err = old.With(h); err != nil {
		p.set = old
		return err
	}
	return old.Close()
}

// openDir opens a directory of the caller's, or the target's own one.
func openDir(o optionalPath, t *target, link string) (*os.File, error) {
	switch {
	case !o.given:
		return nil, nil
	case o.ofTarget():
		return t.openDir(link)
	}
	return os.OpenFile(o.path, unix.O_PATH|unix.O_DIRECTORY, 0)
}

// credential follows nsenter(1): whoever enters a user namespace becomes its root, unless told otherwise; and
// unshare(1): whoever is given an id in a new one has that.
func (f *execFlags) credential(joins bool) *nsenter.Credential {
	c := nsenter.Credential{UID: nsenter.Unchanged, GID: nsenter.Unchanged}
	root := joins && !f.preserve
	if f.create != nil {
		c.UID, c.GID = f.create.maps.ids(joins)
		root = f.create.becomesRoot(joins)
	}
	switch isDefault := f.uid == nsenter.Unchanged && f.gid == nsenter.Unchanged; {
	case root && isDefault:
		return nil // root if that is mapped
	case root:
		c.UID, c.GID = 0, 0
	}
	if f.uid != nsenter.Unchanged {
		c.UID = int(f.uid)
	}
	if f.gid != nsenter.Unchanged {
		c.GID = int(f.gid)
	}
	return &c
}

// joinsUser reports whether the set has a user namespace other than the caller's.
func joinsUser(set *ns.Set) (bool, error) {
	if set == nil || set.Handle(ns.User) == nil {
		return false, nil
	}
	own, err := ns.Current(ns.User)
	if err != nil {
		return false, err
	}
	defer own.Close()
	return !set.Handle(ns.User).Equal(own), nil
}
