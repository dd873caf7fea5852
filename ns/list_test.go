//go:build linux

package ns

import (
	"os"
	"os/exec"
	"slices"
	"syscall"
	"testing"

	"golang.org/x/sys/unix"

	"nsexec/internal/nsfs"
	"nsexec/internal/testutil"
)

func mustList(t testing.TB) *Listing {
	t.Helper()
	l, err := List()
	if err != nil {
		t.Fatal(err)
	}
	return l
}

// row finds a namespace in a new listing.
func row(t testing.TB, h *Handle) Namespace {
	t.Helper()
	n := mustList(t).Find(h.ID())
	if n == nil {
		t.Fatalf("%v is not listed", h)
	}
	return *n
}

func TestListMembers(t *testing.T) {
	target := newAll(t)
	user, err := OpenPID(target.Process.Pid, User)
	if err != nil {
		t.Fatal(err)
	}
	supported, _ := Supported()
	l := mustList(t)
	for _, typ := range (supported &^ Time).Types() {
		h, err := OpenPID(target.Process.Pid, typ)
		if err != nil {
			t.Fatal(err)
		}
		n := l.Find(h.ID())
		if n == nil {
			t.Errorf("%v is not listed", h)
			continue
		}
		if n.Type != typ || n.Members != 1 || n.PID != target.Process.Pid || n.UID != os.Geteuid() || n.Command != "/proc/self/exe" {
			t.Errorf("%v: %+v", h, *n)
		}
		if id, _ := h.ID64(); n.ID64 != id {
			t.Errorf("%v: id %d, want %d", h, n.ID64, id)
		}
		owner := user.ID()
		if typ == User {
			owner, _ = user.OwnerID()
		}
		if n.Owner != owner || n.OwnerUID != os.Geteuid() {
			t.Errorf("%v: owned by %v, uid %d, want %v, uid %d", h, n.Owner, n.OwnerUID, owner, os.Geteuid())
		}
	}
	if !slices.IsSortedFunc(l.Namespaces, func(a, b Namespace) int { return a.Type.index() - b.Type.index() }) {
		t.Error("not in join order")
	}
}

// A time namespace too, which a child gets by its parent's unshare alone.
func TestListAllTypes(t *testing.T) {
	target := testutil.Target(t, testutil.AllTypes)
	supported, _ := Supported()
	l := mustList(t)
	for _, typ := range supported.Types() {
		want := inode(t, target.PID, typ)
		i := slices.IndexFunc(l.Namespaces, func(n Namespace) bool { return n.Type == typ && n.ID.Ino == want })
		if i < 0 {
			t.Errorf("%s:[%d] is not listed", typ.Name(), want)
			continue
		}
		n := l.Namespaces[i]
		if n.Members < 1 || n.PID > target.PID || n.Command == "" {
			t.Errorf("%+v, want process %d in it", n, target.PID)
		}
		if typ != User && n.Owner.Ino != inode(t, target.PID, User) {
			t.Errorf("%+v, want the target's user namespace as its owner", n)
		}
	}
}

// Handles, sockets and threads keep a namespace alive in which there is no process.
func TestListHolders(t *testing.T) {
	testutil.Needs(t, "pidfd_open", "pidfd_getfd") // to look at sockets
	h := fresh(t, Net)
	want := Holder{PID: os.Getpid(), FD: int(h.Fd())}
	if n := row(t, h); n.Members != 0 || !slices.Contains(n.Holders, want) || n.PID != 0 || n.UID != -1 {
		t.Errorf("open handle: %+v, want %+v", n, want)
	}

	sock, err := h.Socket(unix.AF_INET, unix.SOCK_STREAM, 0)
	if err != nil {
		t.Fatal(err)
	}
	defer sock.Close()
	want = Holder{PID: os.Getpid(), FD: int(sock.Fd()), Socket: true}
	if n := row(t, h); !slices.Contains(n.Holders, want) {
		t.Errorf("socket: %+v, want %+v", n, want)
	}

	r, err := h.Runner()
	if err != nil {
		t.Fatal(err)
	}
	defer r.Close()
	var tid int
	r.Do(func() error { tid = unix.Gettid(); return nil })
	want = Holder{PID: os.Getpid(), FD: -1, TID: tid}
	if n := row(t, h); !slices.Contains(n.Holders, want) {
		t.Errorf("thread: %+v, want %+v", n, want)
	}
}

// A network namespace that a socket alone keeps alive is not among those that listns(2) lists (seen on 7.2): the sockets have to be asked.
func TestListFindsNetworkOfSocket(t *testing.T) {
	testutil.Needs(t, "pidfd_open", "pidfd_getfd") // to look at sockets
	h := fresh(t, Net)
	sock, err := h.Socket(unix.AF_INET, unix.SOCK_STREAM, 0)
	if err != nil {
		t.Fatal(err)
	}
	defer sock.Close()
	id := h.ID()
	h.Close()
	want := Holder{PID: os.Getpid(), FD: int(sock.Fd()), Socket: true}
	if n := mustList(t).Find(id); n == nil || !slices.Contains(n.Holders, want) {
		t.Errorf("%+v, want it held by %+v", n, want)
	}
}

// A user namespace without a process is found as an owner.
func TestListFindsOwnerWithoutMember(t *testing.T) {
	target := start(t, "sleep", &syscall.SysProcAttr{
		Cloneflags:  unix.CLONE_NEWUSER,
		UidMappings: []syscall.SysProcIDMap{{ContainerID: 0, HostID: os.Getuid(), Size: 1}},
		GidMappings: []syscall.SysProcIDMap{{ContainerID: 0, HostID: os.Getgid(), Size: 1}},
	})
	user, err := OpenPID(target.Process.Pid, User)
	if err != nil {
		t.Fatal(err)
	}
	id := user.ID()
	user.Close()
	inner := exec.Command("nsenter", "-U", "-t", itoa(target.Process.Pid), "--preserve-credentials", "unshare", "-U", "sleep", "1000")
	if err := inner.Start(); err != nil {
		t.Fatal(err)
	}
	defer inner.Wait()
	defer inner.Process.Kill()
	eventually(t, "the inner one is in its namespace", func() bool {
		link, err := os.ReadFile("/proc/" + itoa(inner.Process.Pid) + "/comm")
		return err == nil && string(link) == "sleep\n"
	})
	target.Process.Kill()
	target.Wait()
	n := mustList(t).Find(id)
	if n == nil || n.Members != 0 || n.OwnerUID != os.Geteuid() {
		t.Errorf("owner without a member: %+v", n)
	}
}

// Nothing in procfs shows a handle that is on its way through a socket. The kernel does, where it has listns(2), to root; to
// others the first kernels that had it.
func TestListFindsWhatProcfsDoesNotShow(t *testing.T) {
	h := fresh(t, Net)
	pair, err := unix.Socketpair(unix.AF_UNIX, unix.SOCK_STREAM|unix.SOCK_CLOEXEC, 0)
	if err != nil {
		t.Fatal(err)
	}
	defer unix.Close(pair[0])
	defer unix.Close(pair[1])
	if err := unix.Sendmsg(pair[0], []byte{0}, unix.UnixRights(int(h.Fd())), nil, 0); err != nil {
		t.Fatal(err)
	}
	id := h.ID()
	h.Close()
	n := mustList(t).Find(id)
	must := nsfs.Lists.Has() && testutil.Who() == testutil.Root
	if n != nil && !nsfs.Lists.Has() || n == nil && must {
		t.Fatalf("found %+v; the kernel lists namespaces: %v", n, nsfs.Lists.Ask())
	}
	if n != nil && (n.Type != Net || n.Members != 0 || n.PID != 0 || len(n.Holders) != 0) {
		t.Errorf("%+v", n)
	}
}

func TestListSaysWhatItCouldNotSee(t *testing.T) {
	l := mustList(t)
	_, err := os.Readlink("/proc/1/ns/net")
	if unreadable := slices.Contains(l.Unreadable, 1); unreadable != (err != nil) {
		t.Errorf("process 1 is unreadable: %v; reading it: %v", unreadable, err)
	}
	if l.Complete() != (len(l.Unreadable) == 0 && !l.Hidden) {
		t.Error("complete?")
	}
}

func TestTree(t *testing.T) {
	target := newAll(t)
	f, err := Tree()
	if err != nil {
		t.Fatal(err)
	}
	user := nodeOf(f.Ownership, inode(t, target.Process.Pid, User))
	if user == nil {
		t.Fatal("the target's user namespace is in no tree")
	}
	for _, typ := range []Type{Net, UTS, IPC, Cgroup, Mount, PID} {
		if nodeOf(user.Children, inode(t, target.Process.Pid, typ)) == nil {
			t.Errorf("%s is not below its owner", typ.Name())
		}
	}
	own := nodeOf(f.PIDs, inode(t, "self", PID))
	if own == nil || nodeOf(own.Children, inode(t, target.Process.Pid, PID)) == nil {
		t.Error("the target's pid namespace is not below the caller's")
	}
	if count(f.Ownership) != len(f.Listing.Namespaces) {
		t.Errorf("%d namespaces in the trees, %d in the list", count(f.Ownership), len(f.Listing.Namespaces))
	}
}

func nodeOf(nodes []*Node, inode uint64) *Node {
	for _, node := range nodes {
		if node.Namespace.ID.Ino == inode {
			return node
		}
		if found := nodeOf(node.Children, inode); found != nil {
			return found
		}
	}
	return nil
}

func count(nodes []*Node) (n int) {
	for _, node := range nodes {
		n += 1 + count(node.Children)
	}
	return n
}

func BenchmarkList(b *testing.B) {
	for b.Loop() {
		mustList(b)
	}
}
