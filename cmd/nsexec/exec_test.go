//go:build linux && cgo

package main

import (
	"fmt"
	"os"
	"os/exec"
	"strconv"
	"strings"
	"syscall"
	"testing"

	"nsexec/internal/testutil"
)

func TestExecEntersAll(t *testing.T) {
	for name, target := range map[string]func(*testing.T) *testutil.Proc{
		"own user namespace": everything,
		"privileged":         func(t *testing.T) *testutil.Proc { return testutil.Target(t, testutil.PrivilegedTypes) },
		"nothing new":        func(t *testing.T) *testutil.Proc { return testutil.Target(t, 0) },
		"runc":               func(t *testing.T) *testutil.Proc { return testutil.RuncTarget(t) },
		"crun":               func(t *testing.T) *testutil.Proc { return testutil.CrunTarget(t) },
	} {
		t.Run(name, func(t *testing.T) {
			p := target(t)
			want := wantNamespaces(t, p.PID)
			if got := mustRun(t, inTarget(p, append([]string{"-a", "--"}, showNamespaces...)...)); got != want {
				t.Errorf("payload is in\n%swant\n%s", got, want)
			}
		})
	}
}

// Each flag alone joins what it names, and nothing else. An ordinary user needs the user namespace for all others.
func TestExecEntersEach(t *testing.T) {
	p := everything(t)
	theirs, ours := testutil.Namespaces(t, p.PID), testutil.Namespaces(t, os.Getpid())
	for _, n := range namespaceFlags {
		name := n.t.Name()
		joined := map[string]bool{name: true}
		file := fmt.Sprintf("/proc/%d/ns/%s", p.PID, name)
		args := []string{"-U"}
		if testutil.Who() == testutil.Root {
			args = nil
		} else {
			joined["user"] = true
		}
		for _, form := range []string{"-" + n.short, "--" + n.long, "-" + n.short + "=" + file, "-" + n.short + file, "--" + n.long + "=" + file} {
			t.Run(form, func(t *testing.T) {
				out := mustRun(t, inTarget(p, append(append(args[:len(args):len(args)], form), showNamespaces...)...))
				for name, inode := range theirs {
					if !joined[name] {
						inode = ours[name]
					}
					if want := fmt.Sprintf("%s:[%d]\n", name, inode); !strings.Contains(out, want) {
						t.Errorf("payload is in\n%swant %s", out, want)
					}
				}
			})
		}
	}
}

// A file beside --all comes in place of the target's namespace.
func TestExecFileOverridesAll(t *testing.T) {
	p := everything(t)
	own := fmt.Sprintf("--uts=/proc/%d/ns/uts", os.Getpid())
	out := mustRun(t, inTarget(p, "-a", own, "readlink", "/proc/self/ns/uts", "/proc/self/ns/net"))
	ours, theirs := testutil.Namespaces(t, os.Getpid()), testutil.Namespaces(t, p.PID)
	if want := fmt.Sprintf("uts:[%d]\nnet:[%d]\n", ours["uts"], theirs["net"]); out != want {
		t.Errorf("payload is in %q, want %q", out, want)
	}
}

func TestExecPayloadIsTheCommandsChild(t *testing.T) {
	p := everything(t)
	cmd := inTarget(p, "-a", "grep", "-E", "^(PPid|NSpid)", "/proc/self/status")
	fields := strings.Fields(mustRun(t, cmd))
	// PPid: N NSpid: OUTER INNER, as the outer procfs shows it.
	if len(fields) != 5 || fields[1] != strconv.Itoa(cmd.Process.Pid) || fields[3] == fields[4] {
		t.Errorf("payload says %v; the command is process %d", fields, cmd.Process.Pid)
	}
}

func TestExecStatus(t *testing.T) {
	p := everything(t)
	const plain = "/etc/passwd" // there for everybody, and not executable
	for _, test := range []struct {
		args   []string
		status int
		stderr string
	}{
		{[]string{"-a", "true"}, 0, ""},
		{[]string{"-a", "false"}, 1, ""},
		{[]string{"-a", "sh", "-c", "exit 7"}, 7, ""},
		{[]string{"-a", "sh", "-c", "exit 125"}, 125, ""},
		{[]string{"-a", "sh", "-c", "exit 255"}, 255, ""},
		{[]string{"-a", "nonexistent"}, 127, `nsexec: exec "nonexistent": executable file not found in $PATH (payload)`},
		{[]string{"-a", "/non/existent"}, 127, `nsexec: exec "/non/existent": no such file or directory (payload)`},
		{[]string{"-a", plain}, 126, `nsexec: exec "` + plain + `": permission denied (payload; `},
		{[]string{"-a", "/"}, 126, `nsexec: exec "/": permission denied (payload; `},
		{[]string{"-a", "-W", "/non/existent", "true"}, 125, `nsexec: enter directory "/non/existent": no such file or directory (`},
		{[]string{"-a", "-S", "4000000000", "true"}, 125, "nsexec: set uid: invalid argument ("},
		{[]string{"--nonsense"}, 125, "nsexec: unknown flag: --nonsense (see nsexec exec --help)"},
		{[]string{"--net=/proc/self/ns/uts"}, 125, "nsexec: open net namespace /proc/self/ns/uts: wrong namespace type: it is a uts namespace"},
		{[]string{"--net=/dev/null"}, 125, "nsexec: open namespace /dev/null: not a namespace: character device"},
		{[]string{"-u", "-r=/non/existent"}, 125, "nsexec: open /non/existent: no such file or directory"},
		{[]string{"-u", "-w=/non/existent"}, 125, "nsexec: open /non/existent: no such file or directory"},
	} {
		cmd := inTarget(p, test.args...)
		cmd.Env = append(cmd.Env, "PATH=/usr/bin:/bin") // no directory that is closed to the target's root
		checkStatus(t, strings.Join(test.args, " "), run(t, cmd), test.status, test.stderr)
	}
}

func checkStatus(t *testing.T, what string, r result, status int, stderr string) {
	t.Helper()
	if !r.status.Exited() || r.status.ExitStatus() != status {
		t.Errorf("%s: status %#x, want exit status %d", what, uint32(r.status), status)
	}
	if !strings.HasPrefix(r.stderr, stderr) || (stderr == "") != (r.stderr == "") || strings.Count(r.stderr, "\n") > 1 {
		t.Errorf("%s: stderr %q, want one line %q", what, r.stderr, stderr)
	}
}

func TestExecStatusWithoutTarget(t *testing.T) {
	gone := exec.Command("true")
	if err := gone.Run(); err != nil {
		t.Fatal(err)
	}
	pid := strconv.Itoa(gone.Process.Pid)
	for _, args := range [][]string{{"-a"}, {"-r"}, {"-n"}, {"-e"}} {
		r := run(t, command(append([]string{"exec", "-t", pid}, args...)...))
		checkStatus(t, args[0]+" of a process that is gone", r, 125, "nsexec: open process "+pid+": no such process")
	}
	checkStatus(t, "no target", run(t, command("exec", "-m", "true")), 125, "nsexec: --mount: no target: give one with -t PID")
	checkStatus(t, "no such subcommand", run(t, command("nonsense")), 125, `nsexec: unknown command "nonsense"`)
	checkStatus(t, "no flags", run(t, command("exec", "sh", "-c", "exit 3")), 3, "")
}

func TestExecDiesOfTheProgramsSignal(t *testing.T) {
	p := everything(t)
	for _, sig := range []syscall.Signal{
		syscall.SIGHUP, syscall.SIGINT, syscall.SIGQUIT, syscall.SIGABRT, syscall.SIGKILL, syscall.SIGUSR1,
		syscall.SIGSEGV, syscall.SIGPIPE, syscall.SIGTERM, syscall.SIGPROF, syscall.SIGSYS, 34, 64,
	} {
		r := run(t, inTarget(p, "-a", "sh", "-c", fmt.Sprintf("ulimit -c 0; kill -%d $$", sig)))
		if !r.status.Signaled() || r.status.Signal() != sig || r.status.CoreDump() || r.stderr != "" {
			t.Errorf("signal %d: status %#x, stderr %q", sig, uint32(r.status), r.stderr)
		}
	}
}

func TestExecHandsFilesOver(t *testing.T) {
	p := everything(t)
	cmd := inTarget(p, "-a", "sh", "-c", "cat; echo err >&2; ls /proc/self/fd")
	cmd.Stdin = strings.NewReader("in\n")
	cmd.ExtraFiles = []*os.File{os.Stderr, os.Stderr} // 3 and 4: not for the program
	r := run(t, cmd)
	if r.stdout != "in\n0\n1\n2\n3\n" || r.stderr != "err\n" { // 3 is what ls reads
		t.Errorf("stdout %q, stderr %q", r.stdout, r.stderr)
	}
}

func TestExecShell(t *testing.T) {
	p := everything(t)
	for shell, want := range map[string]string{
		"SHELL=/bin/sh":           "-sh\n",
		"SHELL=/nonexistent/bash": "-sh\n",
		"SHELL=":                  "-sh\n",
	} {
		cmd := inTarget(p, "-a")
		cmd.Env = append(cmd.Env, shell, "ENV=")
		cmd.Stdin = strings.NewReader("echo $0\n")
		if got := mustRun(t, cmd); got != want {
			t.Errorf("%s: the shell is %q, want %q", shell, got, want)
		}
	}
}

func TestHelpAndVersion(t *testing.T) {
	for _, args := range [][]string{{"exec", "--help"}, {"exec", "-h"}, {"help", "exec"}, {"exec", "-a", "-t1", "-h"}} {
		if out := mustRun(t, command(args...)); out != execHelp {
			t.Errorf("%v prints %q", args, out)
		}
	}
	if out := mustRun(t, command("exec", "echo", "-h")); out != "-h\n" {
		t.Errorf("the program's flag is taken for ours: %q", out)
	}
	out := mustRun(t, command("--help"))
	if !strings.Contains(out, "exec") || strings.Contains(out, "demo-") || strings.Contains(out, "completion") {
		t.Errorf("help is %q", out)
	}
	if out := mustRun(t, command("version")); !strings.HasPrefix(out, "nsexec ") || !strings.Contains(out, " mnt") {
		t.Errorf("version is %q", out)
	}
}
