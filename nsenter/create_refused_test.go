//go:build linux && cgo

package nsenter_test

import (
	"errors"
	"fmt"
	"os"
	"strings"
	"syscall"
	"testing"
	"time"

	"nsexec/ns"
	"nsexec/nsenter"
)

// What belongs to a namespace that is not created is refused, and nothing is started.
func TestOptionsWithoutTheirNamespace(t *testing.T) {
	baseline(t)
	for name, wish := range map[string]struct {
		of  ns.Type
		set func(*nsenter.Cmd)
	}{
		"UIDMappings":            {ns.User, func(c *nsenter.Cmd) { c.New.UIDMappings = []nsenter.IDMap{idMap(0, os.Geteuid(), 1)} }},
		"GIDMappings":            {ns.User, func(c *nsenter.Cmd) { c.New.GIDMappings = []nsenter.IDMap{idMap(0, os.Getegid(), 1)} }},
		"DenySetgroups":          {ns.User, func(c *nsenter.Cmd) { c.New.DenySetgroups = true }},
		"Owner":                  {ns.User, func(c *nsenter.Cmd) { c.New.Owner = &nsenter.Credential{} }},
		"KeepCapabilities":       {ns.User, func(c *nsenter.Cmd) { c.New.KeepCapabilities = true }},
		"Monotonic or Boottime":  {ns.Time, func(c *nsenter.Cmd) { c.New.Monotonic = time.Second }},
		"Propagation":            {ns.Mount, func(c *nsenter.Cmd) { c.New.Propagation = nsenter.Slave }},
		"MountProc":              {ns.Mount, func(c *nsenter.Cmd) { c.New.MountProc = true }},
		"PivotRoot":              {ns.Mount, func(c *nsenter.Cmd) { c.New.PivotRoot = true }},
		"Hostname or Domainname": {ns.UTS, func(c *nsenter.Cmd) { c.New.Domainname = "x" }},
		"LoopbackUp":             {ns.Net, func(c *nsenter.Cmd) { c.New.LoopbackUp = true }},
		"Init":                   {ns.PID, func(c *nsenter.Cmd) { c.Init = true }},
	} {
		cmd := nsenter.Command(nil, "true")
		cmd.Unshare = ns.All &^ wish.of
		wish.set(cmd)
		wantRefused(t, cmd, nsenter.StageCaller, nil, "set "+name+": no new "+wish.of.Name()+" namespace is asked for")
	}
}

func TestCreateNonsense(t *testing.T) {
	baseline(t)
	cmd := nsenter.Command(nil, "true")
	cmd.Unshare = syscall.CLONE_VM
	wantRefused(t, cmd, nsenter.StageCaller, syscall.EINVAL, "create namespaces")
	cmd = nsenter.Command(nil, "true")
	cmd.Unshare, cmd.New.PivotRoot = ns.Mount, true
	wantRefused(t, cmd, nsenter.StageCaller, nil, "there is no Root")
}

// What only the kernel would refuse otherwise, late, or take in another sense.
func TestOptionsThatExcludeEachOther(t *testing.T) {
	baseline(t)
	root, err := os.Open("/")
	if err != nil {
		t.Fatal(err)
	}
	defer root.Close()
	for says, set := range map[string]func(*nsenter.Cmd){
		`set WorkDir "/": `: func(c *nsenter.Cmd) { c.WorkDir = root },
		"use Dir instead":   func(c *nsenter.Cmd) { c.WorkDir, c.Root = root, root },
		"set DenySetgroups": func(c *nsenter.Cmd) { c.Credential = &nsenter.Credential{Groups: []int{0}} },
		"set PivotRoot":     func(c *nsenter.Cmd) { c.New.PivotRoot, c.Root, c.New.Propagation = true, root, nsenter.Shared },
		"Private or Slave": func(c *nsenter.Cmd) {
			c.New.PivotRoot, c.Root, c.New.Propagation = true, root, nsenter.UnchangedPropagation
		},
	} {
		cmd := creating(ns.Mount|ns.User, "true")
		set(cmd)
		wantRefused(t, cmd, nsenter.StageCaller, nil, says)
	}
}

// An ordinary user creates nothing without a user namespace, and is told so.
func TestCreateWithoutPrivilege(t *testing.T) {
	if !asOrdinaryUser(t) {
		return
	}
	baseline(t)
	for _, typ := range (ns.All &^ ns.User).Types() {
		cmd := nsenter.Command(nil, "true")
		cmd.Unshare = typ
		wantRefused(t, cmd, nsenter.Stage0, syscall.EPERM, "create a user namespace as well")
	}
}

func init() {
	// nests starts itself in a user namespace of its own, until that fails, and says why.
	zoo["nests"] = func([]string) error {
		cmd := nsenter.Command(nil, "/proc/self/exe")
		cmd.Env = zooEnv("nests")
		cmd.Stdout, cmd.Stderr = os.Stdout, os.Stderr
		cmd.MapRoot()
		err := cmd.Run()
		var e *nsenter.Error
		if errors.As(err, &e) {
			fmt.Println(err)
			return nil
		}
		return err
	}
}

func TestCreateNestedTooDeep(t *testing.T) {
	cmd := zooCommand("nests")
	out, err := cmd.Output()
	if text := string(out); err != nil || !strings.Contains(text, "create user namespace: no space left") ||
		!strings.Contains(text, "nested 32 deep") {
		t.Errorf("says %q, %v", text, err)
	}
}

// The limits of a user namespace are those of all that is created in it.
func TestCreateAtTheLimit(t *testing.T) {
	if !inUserNamespace(t) {
		return
	}
	baseline(t)
	for _, typ := range ns.All.Types() {
		path := "/proc/sys/user/max_" + typ.Name() + "_namespaces"
		if err := os.WriteFile(path, []byte("0"), 0); err != nil {
			t.Fatal(err)
		}
		wantRefused(t, creating(typ, "true"), nsenter.Stage0, syscall.ENOSPC, "sysctl user.max_"+typ.Name()+"_namespaces")
		if err := os.WriteFile(path, []byte("100"), 0); err != nil {
			t.Fatal(err)
		}
		says(t, creating(typ, "true"))
	}
}
