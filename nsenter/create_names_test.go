//go:build linux && cgo

package nsenter_test

import (
	"net"
	"os"
	"strings"
	"syscall"
	"testing"

	"nsexec/ns"
	"nsexec/nsenter"
)

func init() {
	// talks connects to itself by way of lo.
	zoo["talks"] = func([]string) error {
		listener, err := net.Listen("tcp4", "127.0.0.1:0")
		if err != nil {
			return err
		}
		defer listener.Close()
		conn, err := net.Dial("tcp4", listener.Addr().String())
		if err != nil {
			return err
		}
		return conn.Close()
	}
}

func TestHostname(t *testing.T) {
	baseline(t)
	before, err := os.Hostname()
	if err != nil {
		t.Fatal(err)
	}
	cmd := creating(ns.UTS, "cat /proc/sys/kernel/hostname /proc/sys/kernel/domainname")
	cmd.New.Hostname, cmd.New.Domainname = "nested", "example"
	wantSays(t, cmd, "nested example")
	if after, _ := os.Hostname(); after != before {
		t.Errorf("the caller's host name is %q now", after)
	}
	cmd = creating(ns.UTS, "cat /proc/sys/kernel/hostname")
	wantSays(t, cmd, before)
	cmd = creating(ns.UTS, "true")
	cmd.New.Hostname = strings.Repeat("x", 65)
	wantRefused(t, cmd, nsenter.Stage0, syscall.EINVAL, "set host name")
}

func TestLoopback(t *testing.T) {
	baseline(t)
	for _, up := range []bool{true, false} {
		cmd := creating(ns.Net, "")
		cmd.Path, cmd.Args, cmd.Env = zooBinary, nil, zooEnv("talks")
		cmd.New.LoopbackUp = up
		out, err := cmd.CombinedOutput()
		if talked := err == nil; talked != up {
			t.Errorf("lo up: %v, but %v: %s", up, err, out)
		}
	}
}
