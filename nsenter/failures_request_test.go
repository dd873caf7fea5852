//go:build linux && cgo

package nsenter_test

import (
	"context"
	"errors"
	"os"
	"strings"
	"testing"
	"time"

	"golang.org/x/sys/unix"

	"nsexec/ns"
	"nsexec/nsenter"
)

var errOfCaller = errors.New("the caller does not want it")

// ofCaller is the want of what is refused before anything is started.
func ofCaller(errno nsenter.Errno, op, path string, says ...string) whole {
	return whole{refusal: refusal{errno: errno, stage: nsenter.StageCaller, op: op, path: path}, says: says}
}

// requestFailures are about what the caller asks for, or does meanwhile.
var requestFailures = []failure{
	{name: "NUL in an argument", want: ofCaller(unix.EINVAL, "pass argument", "a\x00b", "NUL"),
		fails: changed(func(c *nsenter.Cmd) { c.Args = []string{"true", "a\x00b"} })},
	{name: "NUL in a host name", want: ofCaller(unix.EINVAL, "set host name", "a\x00b", "NUL"),
		fails: changed(func(c *nsenter.Cmd) { c.Unshare, c.New.Hostname = ns.UTS, "a\x00b" })},
	{name: "NUL in a domain name", want: ofCaller(unix.EINVAL, "set domain name", "a\x00b", "NUL"),
		fails: changed(func(c *nsenter.Cmd) { c.Unshare, c.New.Domainname = ns.UTS, "a\x00b" })},
	{name: "NUL in ProcDir", want: ofCaller(unix.EINVAL, "set ProcDir", "/a\x00b", "NUL"),
		fails: changed(func(c *nsenter.Cmd) { c.Unshare, c.New.MountProc, c.New.ProcDir = ns.Mount|ns.PID, true, "/a\x00b" })},
	{name: "no such propagation", want: ofCaller(unix.EINVAL, "set Propagation", "77"),
		fails: changed(func(c *nsenter.Cmd) { c.Unshare, c.New.Propagation = ns.Mount, 77 })},
	{name: "too many files", want: ofCaller(unix.EINVAL, "send request", "", "1024"),
		fails: changed(func(c *nsenter.Cmd) { c.ExtraFiles = make([]*os.File, nsenter.MaxTravelling) })},
	{name: "too long for a request", want: ofCaller(unix.E2BIG, "send request", "", "too long"),
		fails: changed(func(c *nsenter.Cmd) { c.Env = []string{"A=" + strings.Repeat("x", 17<<20)} })},
	{name: "id that is none", want: ofCaller(unix.EINVAL, "set ids", "4294967296"),
		fails: changed(func(c *nsenter.Cmd) { c.Credential = &nsenter.Credential{UID: 1 << 32} })},
	{name: "closed file", want: whole{refusal: refusal{op: "pass file", path: os.DevNull, is: os.ErrClosed}},
		fails: func(t *testing.T, command starter, _ *whole) error {
			file, err := os.Open(os.DevNull)
			if err != nil {
				t.Fatal(err)
			}
			file.Close()
			cmd := command(nil, "/bin/true")
			cmd.ExtraFiles = []*os.File{file}
			return cmd.Run()
		}},
	{name: "refused by BeforeExec", want: whole{refusal: refusal{stage: nsenter.StagePayload, op: "prepare", is: errOfCaller}},
		fails: changed(func(c *nsenter.Cmd) { c.BeforeExec = func(int) error { return errOfCaller } })},
	{name: "timeout before READY", once: true, want: whole{refusal: refusal{stage: nsenter.Stage0, is: os.ErrDeadlineExceeded}, says: []string{"StartTimeout has passed"}},
		fails: changed(func(c *nsenter.Cmd) { c.StartTimeout = time.Nanosecond })},
	{name: "context done before GO", once: true, want: whole{refusal: refusal{stage: nsenter.StagePayload, op: "send GO", is: context.Canceled}},
		fails: func(t *testing.T, _ starter, _ *whole) error {
			ctx, cancel := context.WithCancel(t.Context())
			cmd := nsenter.CommandContext(ctx, nil, "/bin/true")
			cmd.BeforeExec = func(int) error { cancel(); return nil }
			return cmd.Run()
		}},
}
