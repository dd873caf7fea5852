//go:build linux && cgo

package main

import (
	"encoding/json"
	"errors"
	"fmt"
	"os"
	"os/exec"
	"strings"
	"syscall"
	"testing"
	"time"

	"nsexec/internal/testutil"
	"nsexec/ns"
	"nsexec/nsenter"
)

// reportTo gives cmd a pipe as fd 3, and returns its other end.
func reportTo(t *testing.T, cmd *exec.Cmd) *os.File {
	t.Helper()
	r, w, err := os.Pipe()
	if err != nil {
		t.Fatal(err)
	}
	cmd.ExtraFiles = []*os.File{w}
	t.Cleanup(func() { r.Close(); w.Close() })
	return r
}

func readReport(t *testing.T, r *os.File) report {
	t.Helper()
	if err := r.SetReadDeadline(time.Now().Add(5 * time.Second)); err != nil {
		t.Fatal(err)
	}
	var found report
	if err := json.NewDecoder(r).Decode(&found); err != nil {
		t.Fatalf("read report: %v", err)
	}
	return found
}

func TestReportOfAPayload(t *testing.T) {
	p := everything(t)
	for _, script := range []string{"echo $$", "echo $$; exit 125", "echo $$; exit 127", "echo $$; kill -9 $$"} {
		cmd := inTarget(p, "--report-fd", "3", "-U", "sh", "-c", script)
		r := reportTo(t, cmd)
		out := run(t, cmd).stdout
		if found := readReport(t, r); found.Error != nil || fmt.Sprintln(found.PID) != out {
			t.Errorf("%s: report %+v, the payload's pid is %s", script, found, out)
		}
	}
}

// The report is there when the program runs, not when it has ended.
func TestReportComesAtOnce(t *testing.T) {
	cmd := inTarget(everything(t), "--report-fd=3", "-a", "cat")
	r := reportTo(t, cmd)
	stdin, err := cmd.StdinPipe()
	if err != nil {
		t.Fatal(err)
	}
	if err := cmd.Start(); err != nil {
		t.Fatal(err)
	}
	found := readReport(t, r)
	if err := syscall.Kill(found.PID, 0); err != nil {
		t.Errorf("reported process %d: %v", found.PID, err)
	}
	stdin.Close()
	if err := cmd.Wait(); err != nil {
		t.Error(err)
	}
}

func TestReportOfAFailure(t *testing.T) {
	p := everything(t)
	for _, test := range []struct {
		args string
		want reportedError
	}{
		{"-a /non/existent", reportedError{Stage: "payload", Op: "exec", Path: "/non/existent", Status: 127,
			Errno: &reportedErrno{2, "ENOENT"}, Message: `exec "/non/existent": no such file or directory (payload)`}},
		{"-a -W /non true", reportedError{Stage: "stage 1", Op: "enter directory", Path: "/non", Status: 125,
			Errno: &reportedErrno{2, "ENOENT"}, Message: `enter directory "/non": no such file or directory (stage 1)`}},
		{"--net=/non", reportedError{Stage: "caller", Status: 125,
			Errno: &reportedErrno{2, "ENOENT"}, Message: "open namespace: open /non: no such file or directory"}},
		{"--nonsense", reportedError{Stage: "caller", Status: 125, Message: "unknown flag: --nonsense (see nsexec exec --help)"}},
		{"-w -W /", reportedError{Stage: "caller", Status: 125, Message: "--wd and --wdns exclude each other (see nsexec exec --help)"}},
	} {
		cmd := inTarget(p, append([]string{"--report-fd=3"}, strings.Fields(test.args)...)...)
		r := reportTo(t, cmd)
		status := run(t, cmd).status
		found := readReport(t, r)
		if found.Error == nil || asJSON(found.Error) != asJSON(test.want) || found.PID != 0 || status.ExitStatus() != test.want.Status {
			t.Errorf("%s: report %s, want %s", test.args, asJSON(found), asJSON(test.want))
		}
	}
}

func TestReportOfAJoin(t *testing.T) {
	if testutil.Who() != testutil.User {
		testutil.NeedUser(t) // others may join
	}
	cmd := inTarget(everything(t), "--report-fd", "3", "-n", "true")
	r := reportTo(t, cmd)
	run(t, cmd)
	e := readReport(t, r).Error
	if e == nil || e.Stage != "stage 0" || e.Op != "join" || asJSON(e.Type) != `["net"]` || e.Errno.Name != "EPERM" || e.Hint == "" {
		t.Errorf("report %s", asJSON(e))
	}
}

func asJSON(v any) string {
	text, err := json.Marshal(v)
	if err != nil {
		return err.Error()
	}
	return string(text)
}

func TestDescribe(t *testing.T) {
	err := fmt.Errorf("wrapped: %w", &nsenter.Error{Stage: nsenter.Stage0, Op: "join", Type: ns.Net | ns.Mount, Errno: syscall.EPERM, Hint: "why"})
	want := `{"stage":"stage 0","op":"join","type":["net","mnt"],"errno":{"number":1,"name":"EPERM"},"hint":"why",` +
		`"message":"wrapped: nsenter: join net and mnt namespaces: operation not permitted (stage 0; why)","status":125}`
	if got := asJSON(describe(err)); got != want {
		t.Errorf("described as %s\nwant %s", got, want)
	}
	if got := asJSON(describe(errors.New("a cause"))); got != `{"stage":"caller","message":"a cause","status":125}` {
		t.Errorf("described as %s", got)
	}
}

// A report that cannot be written is said, and does not harm the program.
func TestReportNowhere(t *testing.T) {
	checkStatus(t, "closed fd", run(t, command("exec", "--report-fd", "9", "true")), 125, "nsexec: report to fd 9: bad file descriptor")
	cmd := command("exec", "--report-fd", "3", "sh", "-c", "exit 3")
	reportTo(t, cmd).Close()
	checkStatus(t, "nobody listens", run(t, cmd), 3, "nsexec: report to fd 3: write fd 3: broken pipe")
}
