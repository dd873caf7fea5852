//go:build linux && cgo

package nsenter_test

import (
	"errors"
	"fmt"
	"os"
	"os/exec"
	"path/filepath"
	"strings"
	"testing"
	"time"

	"nsexec/internal/testutil"
	"nsexec/ns"
	"nsexec/nsenter"
)

// creating is a shell's program in new namespaces. Ordinary users get a user namespace as well, with one id, since they
// can create nothing without.
func creating(types ns.Type, script string) *nsenter.Cmd {
	return creatingBelow(nil, types, script)
}

// creatingBelow is the same, on top of a set.
func creatingBelow(set *ns.Set, types ns.Type, script string) *nsenter.Cmd {
	cmd := nsenter.Command(set, "/bin/sh", "-c", script)
	cmd.Unshare = types
	if types&ns.User != 0 || set == nil && testutil.Who() == testutil.User {
		cmd.MapRoot()
	}
	return cmd
}

// createdBy is a command in new namespaces, for an ordinary user in those that it takes.
func createdBy(command starter, types ns.Type) *nsenter.Cmd {
	cmd := command(nil, "/bin/true")
	addNew(cmd, types)
	return cmd
}

func addNew(cmd *nsenter.Cmd, types ns.Type) {
	cmd.Unshare = types
	if types&ns.User != 0 || types != 0 && os.Geteuid() != 0 {
		cmd.MapRoot()
	}
}

// says runs a program that must succeed, and returns what it says.
func says(t testing.TB, cmd *nsenter.Cmd) string {
	t.Helper()
	out, err := cmd.Output()
	if err != nil {
		t.Fatalf("%v: %v", cmd, describe(err))
	}
	return string(out)
}

// wantSays compares what a program says, its fields separated by one space, with want.
func wantSays(t testing.TB, cmd *nsenter.Cmd, want string) {
	t.Helper()
	if got := strings.Join(strings.Fields(says(t, cmd)), " "); got != want {
		t.Errorf("%v: says %q, want %q", cmd, got, want)
	}
}

// wantRefused runs a program that must be refused within a second, with an error of that stage, errno or cause, and text.
func wantRefused(t testing.TB, cmd *nsenter.Cmd, stage nsenter.Stage, cause error, text string) {
	t.Helper()
	begun := time.Now()
	err := cmd.Run()
	if took := time.Since(begun); took > testutil.Bound(time.Second) {
		t.Errorf("refused after %v", took)
	}
	var e *nsenter.Error
	if !errors.As(err, &e) || e.Stage != stage || cause != nil && !errors.Is(err, cause) || !strings.Contains(fmt.Sprint(err), text) {
		t.Errorf("error is %v, want one of stage %v with %v that says %q", err, stage, cause, text)
	}
}

// checkCreated compares a payload's namespaces with those of the process that it would be in, but for those created.
func checkCreated(t testing.TB, pid, base int, created ns.Type) {
	t.Helper()
	before, now := testutil.Namespaces(t, base), testutil.Namespaces(t, pid)
	for name, inode := range now {
		if isNew := created&ns.Type(testutil.TypeBits[name]) != 0; isNew == (inode == before[name]) {
			t.Errorf("%s namespace: %d, where it was %d; new: want %v", name, inode, before[name], isNew)
		}
	}
}

// The account that tests run as, and its ranges of subordinate ids.
const (
	accountFiles = "nsexec-test:x:47110:47110::/:/bin/sh"
	accountRange = "nsexec-test:200000:65536\nnsexec-test:3000:1000\n"
)

// asAccount runs the calling test again, as an ordinary user that has ranges in /etc/subuid and /etc/subgid. The files
// of /etc are those of a mount namespace of its own. It returns true in the other process, false in this.
func asAccount(t *testing.T) bool {
	t.Helper()
	if os.Getenv(aloneVariable) == t.Name() {
		return true
	}
	testutil.NeedRoot(t)
	for _, program := range []string{"newuidmap", "newgidmap", "setpriv"} {
		if _, err := exec.LookPath(program); err != nil {
			testutil.Skipf(t, "%s is not installed", program)
		}
	}
	const script = `mount -t overlay -o lowerdir="$0":/etc overlay /etc &&
exec setpriv --reuid=47110 --regid=47110 --clear-groups env TMPDIR=/tmp "$@"`
	args := append([]string{"-m", "sh", "-c", script, accountEtc(t), zooBinary}, aloneArgs(t)...)
	reportAlone(t, exec.Command("unshare", args...))
	return false
}

// accountEtc is a directory with what /etc has more for the account.
func accountEtc(t *testing.T) string {
	t.Helper()
	dir := openDir(t)
	for name, more := range map[string]string{
		"passwd": accountFiles + "\n", "group": "nsexec-test:x:47110:\n", "subuid": accountRange, "subgid": accountRange,
	} {
		text, err := os.ReadFile(filepath.Join("/etc", name))
		if err != nil && !errors.Is(err, os.ErrNotExist) {
			t.Fatal(err)
		}
		writeFile(t, filepath.Join(dir, name), string(text)+more, 0o644)
	}
	return dir
}

// asOrdinaryUser is asAccount, or true for who is an ordinary user already.
func asOrdinaryUser(t *testing.T) bool {
	t.Helper()
	return testutil.Who() == testutil.User || asAccount(t)
}

// inUserNamespace runs the calling test again as root of a user namespace that is its own, with one id.
func inUserNamespace(t *testing.T) bool {
	t.Helper()
	if os.Getenv(aloneVariable) == t.Name() {
		return true
	}
	reportAlone(t, exec.Command("unshare", append([]string{"-Ur", zooBinary}, aloneArgs(t)...)...))
	return false
}
