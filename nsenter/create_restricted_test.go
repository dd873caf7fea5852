//go:build linux && cgo

package nsenter_test

import (
	"fmt"
	"os"
	"os/exec"
	"path/filepath"
	"syscall"
	"testing"

	"nsexec/internal/testutil"
	"nsexec/ns"
	"nsexec/nsenter"
)

// restricted runs the calling test again, as an ordinary user who sees a sysctl that is not this machine's: its file is
// in a file system that is put over /proc/sys/kernel. In a chroot no user namespace can be created.
func restricted(t *testing.T, sysctl, value string, chroot bool) bool {
	t.Helper()
	if os.Getenv(aloneVariable) == t.Name() {
		return true
	}
	testutil.NeedRoot(t)
	const script = `set -e; root=$1; sysctl=$2; value=$3; uid=$4; shift 4
if [ $root != / ]; then mount --rbind / $root; fi
mount -t tmpfs -o mode=755 none $root/proc/sys/kernel
echo 40 >$root/proc/sys/kernel/cap_last_cap
echo $value >$root/proc/sys/kernel/$sysctl
exec chroot $root setpriv --reuid=$uid --regid=$uid --clear-groups env TMPDIR=/tmp "$@"`
	root := "/"
	if chroot {
		root = filepath.Join(openDir(t), "root")
		if err := os.Mkdir(root, 0o755); err != nil {
			t.Fatal(err)
		}
	}
	args := []string{"-m", "sh", "-c", script, "sh", root, sysctl, value, fmt.Sprint(ordinaryUser), zooBinary}
	reportAlone(t, exec.Command("unshare", append(args, aloneArgs(t)...)...))
	return false
}

func TestRestrictedByAppArmor(t *testing.T) {
	const says = "user namespaces are restricted here: kernel.apparmor_restrict_unprivileged_userns is 1"
	if !restricted(t, "apparmor_restrict_unprivileged_userns", "1", true) {
		return
	}
	wantRefused(t, creating(ns.User, "true"), nsenter.Stage0, syscall.EPERM, says)
	wantRefused(t, creating(ns.All, "true"), nsenter.Stage0, syscall.EPERM, says)
	// Without a user namespace it is something else that is missing.
	cmd := nsenter.Command(nil, "true")
	cmd.Unshare = ns.UTS
	wantRefused(t, cmd, nsenter.Stage0, syscall.EPERM, "create a user namespace as well")
}

func TestRestrictedByDebian(t *testing.T) {
	if !restricted(t, "unprivileged_userns_clone", "0", true) {
		return
	}
	wantRefused(t, creating(ns.User, "true"), nsenter.Stage0, syscall.EPERM, "kernel.unprivileged_userns_clone is 0")
}

// Ubuntu lets the user namespace be created, and nothing be done in it: what fails comes later.
func TestRestrictedLater(t *testing.T) {
	if !restricted(t, "apparmor_restrict_unprivileged_userns", "1", false) {
		return
	}
	says(t, creating(ns.User, "true")) // here it is not AppArmor that decides
	for op, errno := range map[string]syscall.Errno{
		"create": syscall.EPERM, "write uid map": syscall.EPERM, "write setgroups": syscall.EACCES, "set propagation of": syscall.EACCES,
	} {
		for _, test := range []struct {
			create ns.Type
			want   bool
		}{{ns.User | ns.Mount, true}, {ns.Mount, false}} {
			hint := nsenter.Explain(&nsenter.Error{Stage: nsenter.Stage0, Op: op, Type: ns.Mount, Errno: errno}, test.create)
			if got := hint == "user namespaces are restricted here: kernel.apparmor_restrict_unprivileged_userns is 1"; got != test.want {
				t.Errorf("%s: %v, creating %v: hint %q", op, errno, test.create, hint)
			}
		}
	}
}
