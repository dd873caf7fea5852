//go:build linux && cgo

package main

import (
	"fmt"
	"os/exec"
	"strconv"
	"strings"
	"testing"

	"nsexec/internal/testutil"
)

// look is a program that prints what a flag can change.
var look = []string{"sh", "-c", "for t in cgroup ipc mnt net pid time user uts; do readlink /proc/self/ns/$t; done; " +
	"pwd; id -u; id -g; id -G; hostname; ls /; exit 7"}

// Whatever nsenter(1) can do with a flag, we do too, and with the same result. What it cannot (it gives up where the
// order of joining matters) we may do better.
func TestExecLikeNsenter(t *testing.T) {
	nsenter, err := exec.LookPath("nsenter")
	if err != nil {
		testutil.Skip(t, "nsenter is not installed")
	}
	t.Run("container", func(t *testing.T) { compare(t, nsenter, container(t)) })
	t.Run("user namespace", func(t *testing.T) { compare(t, nsenter, everything(t)) })
}

func compare(t *testing.T, nsenter string, p *testutil.Proc) {
	t.Helper()
	same := 0
	for _, line := range linesForBoth(p.PID) {
		args := append(append([]string{"-t", strconv.Itoa(p.PID)}, strings.Fields(line)...), look...)
		theirs := run(t, exec.Command(nsenter, args...))
		if theirs.status.ExitStatus() != 7 {
			continue
		}
		ours := run(t, command(append([]string{"exec"}, args...)...))
		if ours.status != theirs.status || ours.stdout != theirs.stdout {
			t.Errorf("%s\nnsenter: status %#x\n%s\nnsexec: status %#x\n%s%s",
				line, uint32(theirs.status), theirs.stdout, uint32(ours.status), ours.stdout, ours.stderr)
		}
		same++
	}
	if same < 10 {
		t.Errorf("nsenter can do %d of the lines only", same)
	}
}

// linesForBoth is flags that mean the same to both.
func linesForBoth(pid int) []string {
	tmp := fmt.Sprintf("/proc/%d/root/tmp", pid)
	lines := []string{
		"-a", "--all", "-a -F -W/tmp", "-a --wdns=/tmp", "-a -w", "-a -w" + tmp, "-a --wd=" + tmp, "-a -r -w", "-a -r -W/tmp",
		"-a -S 0", "-a -G 0", "-a -S 0 -G 0", "-a -S 5 -G 6", "-a --setuid=5", "-a --preserve-credentials",
		"-m -u -i -n -p -C", "-m -u -i -n -p -C -T", "-U -m", "-U -u -i -n", "-U -p", "-U --preserve-credentials",
		fmt.Sprintf("-a -u/proc/%d/ns/uts", pid), "-u/proc/self/ns/uts -a", "-r -w", "-u -w/tmp", "-u -W/tmp", "-u -S 5", "-u -G 6",
	}
	for _, n := range namespaceFlags {
		file := fmt.Sprintf("/proc/%d/ns/%s", pid, n.t.Name())
		lines = append(lines, "-"+n.short, "--"+n.long, "-"+n.short+file, "--"+n.long+"="+file)
	}
	if testutil.Who() == testutil.Root {
		return lines
	}
	for i := range lines { // with an ordinary user's target, nsenter(1) gets nowhere without these two
		lines[i] = "-U --preserve-credentials " + lines[i]
	}
	return lines
}
