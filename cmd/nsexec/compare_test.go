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

// Whatever nsenter(1) can do with a flag, we do too, and with the same result. What it cannot (it gives up where the
// order of joining matters) we may do better.
func TestExecLikeNsenter(t *testing.T) {
	nsenter, err := exec.LookPath("nsenter")
	if err != nil {
		testutil.Skip(t, "nsenter is not installed")
	}
	look := []string{"sh", "-c", "for t in cgroup ipc mnt net pid time user uts; do readlink /proc/self/ns/$t; done; " +
		"pwd; id -u; id -g; id -G; hostname; ls /; exit 7"}
	p := container(t)
	same := 0
	for _, args := range comparable(p.PID) {
		args = append(append([]string{"-t", strconv.Itoa(p.PID)}, args...), look...)
		theirs := run(t, exec.Command(nsenter, args...))
		ours := run(t, command(append([]string{"exec"}, args...)...))
		if theirs.status.ExitStatus() != 7 {
			continue
		}
		same++
		if ours.status != theirs.status || ours.stdout != theirs.stdout {
			t.Errorf("%q\nnsenter: status %#x\n%s\nnsexec: status %#x\n%s%s",
				args, uint32(theirs.status), theirs.stdout, uint32(ours.status), ours.stdout, ours.stderr)
		}
	}
	if same < 10 {
		t.Errorf("nsenter managed %d of the lines only", same)
	}
}

// comparable is lines of flags that mean the same to both.
func comparable(pid int) [][]string {
	tmp := fmt.Sprintf("/proc/%d/root/tmp", pid)
	lines := []string{
		"", "-a", "--all", "-a -F -W/tmp", "-a --wdns=/tmp", "-a -w", "-a -w" + tmp, "-a --wd=" + tmp, "-a -r -w", "-a -r -W/tmp",
		"-a -S 0", "-a -G 0", "-a -S 0 -G 0", "-a -S 5 -G 6", "-a --setuid=5", "-a --preserve-credentials",
		"-m -u -i -n -p -C", "-m -u -i -n -p -C -T", "-U -m", "-U -u -i -n", "-U -p", "-U --preserve-credentials",
		fmt.Sprintf("-a -u/proc/%d/ns/uts", pid), "-u/proc/self/ns/uts -a", "-r -w", "-w/tmp", "-W/tmp", "-S 5", "-G 6",
	}
	for _, n := range namespaceFlags {
		file := fmt.Sprintf("/proc/%d/ns/%s", pid, n.t.Name())
		lines = append(lines, "-"+n.short, "--"+n.long, "-"+n.short+file, "--"+n.long+"="+file, "-U -"+n.short)
	}
	var all [][]string
	for _, line := range lines {
		all = append(all, strings.Fields(line))
	}
	return all
}
