//go:build linux && cgo

package main

import (
	"fmt"
	"os"
	"os/exec"
	"path/filepath"
	"strconv"
	"strings"
	"syscall"
	"testing"

	"nsexec/internal/testutil"
)

// inNew is "run" with more arguments, and a user namespace for those who can create no other without.
func inNew(args ...string) *exec.Cmd {
	if testutil.Who() == testutil.User {
		args = append([]string{"-r"}, args...)
	}
	cmd := command(append([]string{"run"}, args...)...)
	cmd.Env = append(cmd.Env, "PATH=/usr/sbin:/usr/bin:/sbin:/bin")
	return cmd
}

// below is "run -t PID" with more arguments.
func below(p *testutil.Proc, args ...string) *exec.Cmd {
	cmd := command(append([]string{"run", "-t", strconv.Itoa(p.PID)}, args...)...)
	cmd.Env = append(cmd.Env, "PATH=/usr/sbin:/usr/bin:/sbin:/bin")
	return cmd
}

// createsOnly checks that the namespaces printed by showNamespaces are those of a process but for the types named.
func createsOnly(t *testing.T, got string, pid int, types ...string) {
	t.Helper()
	created := make(map[string]bool)
	for _, name := range types {
		created[name] = true
	}
	for name, inode := range testutil.Namespaces(t, pid) {
		same := strings.Contains(got, fmt.Sprintf("%s:[%d]\n", name, inode))
		if same == created[name] {
			t.Errorf("%s namespace: as before is %v, want %v", name, same, !created[name])
		}
	}
}

func TestRunCreatesEach(t *testing.T) {
	for _, n := range namespaceFlags {
		for _, form := range []string{"-" + n.short, "--" + n.long} {
			types := []string{n.t.Name()}
			if testutil.Who() == testutil.User {
				types = append(types, "user")
			}
			out := mustRun(t, inNew(append([]string{form}, showNamespaces...)...))
			createsOnly(t, out, os.Getpid(), types...)
		}
	}
}

func TestRunCreatesAll(t *testing.T) {
	out := mustRun(t, inNew(append([]string{"-rmuinpCTf"}, showNamespaces...)...))
	createsOnly(t, out, os.Getpid(), "cgroup", "ipc", "mnt", "net", "pid", "time", "user", "uts")
}

// A container in one line.
func TestRunSeesItselfAlone(t *testing.T) {
	ps := []string{"--mount-proc", "sh", "-c", "echo $$; ps -A -o pid=,comm="}
	out := mustRun(t, inNew(append([]string{"-p"}, ps...)...))
	lines := strings.Split(strings.TrimSpace(out), "\n")
	if len(lines) != 3 || lines[0] != "1" || strings.Fields(lines[1])[1] != "sh" || strings.Fields(lines[2])[1] != "ps" {
		t.Errorf("processes are %q", lines)
	}
}

// And a container in a container.
func TestRunBelowATarget(t *testing.T) {
	p := everything(t)
	out := mustRun(t, below(p, "-p", "--mount-proc", "sh", "-c", "ps -A -o pid=,comm=; hostname"))
	if fields := strings.Fields(out); len(fields) != 5 || fields[0] != "1" || fields[1] != "sh" {
		t.Errorf("processes are %q", fields)
	}
	createsOnly(t, mustRun(t, below(p, append([]string{"-pnm"}, showNamespaces...)...)), p.PID, "pid", "net", "mnt")
	createsOnly(t, mustRun(t, below(p, append([]string{"-Ur"}, showNamespaces...)...)), p.PID, "user")
	out = mustRun(t, below(p, append([]string{"--join", "user,net", "-u"}, showNamespaces...)...))
	ours, theirs := testutil.Namespaces(t, os.Getpid()), testutil.Namespaces(t, p.PID)
	for name, inode := range map[string]uint64{"net": theirs["net"], "user": theirs["user"], "ipc": ours["ipc"]} {
		if !strings.Contains(out, fmt.Sprintf("%s:[%d]\n", name, inode)) {
			t.Errorf("payload is in\n%swant %s %d", out, name, inode)
		}
	}
}

func TestRunPidsAtDepth(t *testing.T) {
	p := everything(t)
	fields := strings.Fields(mustRun(t, below(p, "-p", "sh", "-c", "grep NSpid: /proc/self/status; true")))
	depth := 0
	if self, err := os.ReadFile("/proc/self/status"); err == nil {
		_, rest, _ := strings.Cut(string(self), "NSpid:")
		line, _, _ := strings.Cut(rest, "\n")
		depth = len(strings.Fields(line))
	}
	if len(fields) != 1+depth+2 || fields[len(fields)-1] != "2" {
		t.Errorf("pids are %v, want %d of them", fields, depth+2)
	}
}

func TestRunRoot(t *testing.T) {
	root := busyboxRoot(t)
	out := mustRun(t, inNew("-mp", "--mount-proc", "-R", root, "-w", "/bin", "/bin/busybox", "sh", "-c",
		"pwd; busybox ls /; busybox cat /proc/self/mountinfo"))
	if !strings.HasPrefix(out, "/bin\nbin\nproc\n") || strings.Count(out, "\n") != 5 {
		t.Errorf("inside there is\n%s", out)
	}
	out = mustRun(t, inNew("-m", "--propagation", "shared", "-R", root, "/bin/busybox", "ls", "/"))
	if out != "bin\nproc\n" {
		t.Errorf("inside there is %q", out)
	}
}

// busyboxRoot is a root directory that everybody may enter.
func busyboxRoot(t *testing.T) string {
	t.Helper()
	busybox, err := exec.LookPath("busybox")
	if err != nil {
		testutil.Skip(t, "busybox is not installed")
	}
	root := t.TempDir()
	for _, dir := range []string{"bin", "proc"} {
		if err := os.Mkdir(filepath.Join(root, dir), 0o755); err != nil {
			t.Fatal(err)
		}
	}
	text, err := os.ReadFile(busybox)
	if err != nil {
		t.Fatal(err)
	}
	if err := os.WriteFile(filepath.Join(root, "bin/busybox"), text, 0o755); err != nil {
		t.Fatal(err)
	}
	return root
}

func TestRunStatus(t *testing.T) {
	for _, test := range []struct {
		args   string
		status int
		stderr string
	}{
		{"-p true", 0, ""},
		{"-p sh -c exit_3", 127, "sh: "},
		{"-p nonexistent", 127, `nsexec: exec "nonexistent": executable file not found in $PATH (payload)`},
		{"-p /etc/passwd", 126, `nsexec: exec "/etc/passwd": permission denied (payload; `},
		{"-m -w /non true", 125, `nsexec: enter directory "/non": no such file or directory (stage 0)`},
		{"-R /non true", 125, "nsexec: open /non: no such file or directory"},
		{"--nonsense", 125, "nsexec: unknown flag: --nonsense (see nsexec run --help)"},
		{"--report-fd 9 -p true", 125, "nsexec: report to fd 9: bad file descriptor (see nsexec run --help)"},
		{"--map-users 0:0:1 --map-users 0:5:1 true", 125, `nsexec: write uid map "0 5 1": invalid argument (caller; line 2: it overlaps with line 1)`},
	} {
		args := strings.Fields(test.args)
		if strings.Contains(test.args, "map-users") {
			checkStatus(t, test.args, run(t, command(append([]string{"run"}, args...)...)), test.status, test.stderr)
			continue
		}
		checkStatus(t, test.args, run(t, inNew(args...)), test.status, test.stderr)
	}
}

func TestRunInit(t *testing.T) {
	for script, want := range map[string]int{"exit 3": 3, "kill -TERM $$": 128 + 15, "echo $$ | grep -qx 2": 0} {
		if r := run(t, inNew("-p", "--init", "sh", "-c", script)); r.status.ExitStatus() != want {
			t.Errorf("%s: status %#x, want exit status %d; %s", script, uint32(r.status), want, r.stderr)
		}
	}
}

// The command forwards the signal, and the init in between does too.
func TestRunForwardsSignals(t *testing.T) {
	for _, flags := range [][]string{{"-p"}, {"-p", "--init"}} {
		cmd := inNew(append(flags, "sh", "-c", "trap 'exit 9' TERM; echo ready; while :; do sleep 0.02; done")...)
		s := openSession(t, cmd)
		s.signal(t, syscall.SIGTERM)
		s.wantStatus(t, 9)
	}
}

// A signal other than SIGKILL is the program's to act on.
func TestRunKillChild(t *testing.T) {
	for flag, script := range map[string]string{
		"--kill-child":         "trap '' TERM; echo ready; exec sleep 60",
		"--kill-child=SIGTERM": "trap '' HUP; echo ready; exec sleep 60",
		"--kill-child=10":      "trap 'exit 0' USR1; echo ready; while :; do sleep 0.02; done",
	} {
		cmd := inNew(flag, "sh", "-c", script)
		r := reportTo(t, cmd)
		cmd.Args = append(cmd.Args[:2:2], append([]string{"--report-fd", "3"}, cmd.Args[2:]...)...)
		s := openSession(t, cmd)
		pid := readReport(t, r).PID
		if err := s.cmd.Process.Kill(); err != nil {
			t.Fatal(err)
		}
		_ = s.cmd.Wait()
		gone := func() bool {
			stat, err := os.ReadFile(fmt.Sprintf("/proc/%d/stat", pid))
			return err != nil || strings.Contains(string(stat), ") Z ")
		}
		testutil.Eventually(t, "end of the program", gone)
	}
}

func TestRunReportsAndTraces(t *testing.T) {
	cmd := inNew("--report-fd", "3", "-v", "-pu", "--hostname", "nested", "hostname")
	r := reportTo(t, cmd)
	got := run(t, cmd)
	if got.stdout != "nested\n" || !strings.Contains(got.stderr, "create") || !strings.Contains(got.stderr, "exec") {
		t.Errorf("stdout %q, stderr\n%s", got.stdout, got.stderr)
	}
	if found := readReport(t, r); found.PID == 0 || found.Error != nil {
		t.Errorf("report %+v", found)
	}
}

func TestRunClocks(t *testing.T) {
	out := mustRun(t, inNew("-T", "--monotonic", "1.5", "--boottime", "36h", "cat", "/proc/self/timens_offsets"))
	if fields := strings.Fields(out); strings.Join(fields, " ") != "monotonic 1 500000000 boottime 129600 0" {
		t.Errorf("offsets are %q", fields)
	}
}

func TestRunNamesAndLoopback(t *testing.T) {
	checkFields(t, inNew("-u", "--hostname", "nested", "--domainname", "example", "sh", "-c",
		"cat /proc/sys/kernel/hostname /proc/sys/kernel/domainname"), "nested example")
	for flag, up := range map[string]bool{"--loopback": true, "-f": false} {
		out := mustRun(t, inNew("-n", flag, "cat", "/proc/net/if_inet6", "/proc/net/fib_trie"))
		if strings.Contains(out, "127.0.0.1") != up {
			t.Errorf("%s: lo is %q", flag, out)
		}
	}
}

func TestRunMountProcElsewhere(t *testing.T) {
	dir := t.TempDir()
	checkFields(t, inNew("-p", "--mount-proc="+dir, "cat", dir+"/1/comm"), "cat")
	checkStatus(t, "relative", run(t, inNew("-p", "--mount-proc=proc", "true")), 125, `nsexec: set ProcDir "proc": it is not absolute`)
}

func TestRunHelp(t *testing.T) {
	for _, args := range [][]string{{"run", "--help"}, {"run", "-h"}, {"help", "run"}, {"run", "-t1", "-pmh"}} {
		if out := mustRun(t, command(args...)); out != runHelp {
			t.Errorf("%v prints %q", args, out)
		}
	}
	if out := mustRun(t, command("run", "echo", "-h")); out != "-h\n" {
		t.Errorf("the program's flag is taken for ours: %q", out)
	}
}
