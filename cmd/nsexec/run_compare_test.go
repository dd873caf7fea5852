//go:build linux && cgo

package main

import (
	"os"
	"os/exec"
	"path/filepath"
	"strings"
	"testing"

	"nsexec/internal/testutil"
)

// lookNew is a program that prints what a flag of run can change. New inodes are printed as "new", since they differ each time.
const lookNew = `for inside in $(readlink /proc/self/ns/*); do
	case $OUTSIDE in *$inside*) echo old;; *) echo new ${inside%%:*};; esac; done
cat /proc/self/uid_map /proc/self/gid_map /proc/self/setgroups /proc/self/timens_offsets; grep ^Cap /proc/self/status
id -u; id -g; pwd; hostname; awk '$5 == "/" || $5 == "/proc" {print $5, $7}' /proc/self/mountinfo; exit 7`

// What unshare(1) creates with a flag, we do too.
func TestRunLikeUnshare(t *testing.T) {
	unshare, err := exec.LookPath("unshare")
	if err != nil {
		testutil.Skip(t, "unshare is not installed")
	}
	look := filepath.Join(t.TempDir(), "look")
	if err := os.WriteFile(look, []byte(lookNew), 0o755); err != nil {
		t.Fatal(err)
	}
	outside, err := exec.Command("sh", "-c", "readlink /proc/self/ns/*").Output()
	if err != nil {
		t.Fatal(err)
	}
	t.Setenv("OUTSIDE", string(outside))
	same := 0
	for _, line := range linesForUnshare() {
		args := append(strings.Fields(line), "sh", look)
		theirs := run(t, exec.Command(unshare, args...))
		if theirs.status.ExitStatus() != 7 {
			t.Logf("unshare %s: %s", line, theirs.stderr)
			continue
		}
		ours := run(t, command(append([]string{"run"}, args...)...))
		if ours.status != theirs.status || ours.stdout != theirs.stdout {
			t.Errorf("%s\nunshare: status %#x\n%s\nnsexec: status %#x\n%s%s",
				line, uint32(theirs.status), theirs.stdout, uint32(ours.status), ours.stdout, ours.stderr)
		}
		same++
	}
	if same < 10 {
		t.Errorf("unshare can do %d of the lines only", same)
	}
}

// linesForUnshare is flags that mean the same to both. For ordinary users those with -r are, or -U.
func linesForUnshare() []string {
	lines := []string{
		"-f", "-U", "-c", "-r", "-rf", "-rm", "-ru", "-ri", "-rn", "-rC", "-rpf", "-rmuinpCTf", "-cmuinpCf",
		"-r --setgroups deny", "-rm --propagation slave", "-rm --propagation shared", "-rm --propagation unchanged",
		"-rpf --mount-proc", "-rTf --boottime 1000 --monotonic 50", "-r -w /tmp", "-rf --kill-child", "-r -S 0 -G 0",
		"--map-auto -r", "--map-auto -c", "-rc", "-cr", "--map-user 5", "--map-group 6", "--map-user=5 --map-group=6",
		"-r --map-user=7", "--map-group=8 -r", "--map-user root --map-group root", "--map-user=5 --map-group=6 --keep-caps",
		"-c --keep-caps", "-r --keep-caps", "-rf --kill-child=TERM", "-rf --kill-child=SIGUSR1", "-rpf --mount-proc=/proc",
		"--map-auto --map-user 5 --map-group 6", "-r --map-users auto --map-groups auto", "-r --map-groups auto",
	}
	if testutil.Who() != testutil.User {
		lines = append(lines, "-m", "-u", "-i", "-n", "-C", "-pf", "-muinpCTf", "-m --propagation slave",
			"-m --propagation shared", "-m --propagation unchanged", "-pf --mount-proc", "-Tf --boottime 1000", "-w /tmp")
	}
	if testutil.Who() == testutil.Root {
		lines = append(lines, "--map-users 100000,0,65536 --map-groups 100000,0,65536 -S 0 -G 0",
			"-r --map-users 100000,0,10 --map-groups 200000,0,20", "--map-user 5 --map-group 6 --map-users 100000,0,10 --map-groups 200000,1,20",
			"--map-user 5 --map-group 6 --map-users 0,0,10 --map-groups 0,0,20", "-r --setgroups allow --map-groups 100000,1,9")
	}
	return lines
}
