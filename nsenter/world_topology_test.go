//go:build linux && cgo

package nsenter_test

import (
	"errors"
	"fmt"
	"io"
	"os"
	"os/exec"
	"slices"
	"testing"

	"golang.org/x/sys/unix"

	"nsexec/internal/testutil"
	"nsexec/ns"
	"nsexec/nsenter"
)

func init() {
	// target is a target, with "undumpable" one that nobody may look into.
	zoo["target"] = func(arg []string) error {
		if len(arg) > 0 && arg[0] == "undumpable" {
			if err := unix.Prctl(unix.PR_SET_DUMPABLE, 0, 0, 0, 0); err != nil {
				return err
			}
		}
		fmt.Println("ready")
		_, err := io.Copy(io.Discard, os.Stdin)
		return err
	}
}

// A topology is a way in which a target can lie to its caller. The script ends in the target, which ends with fd 3.
type topology struct {
	script     string
	privileged bool // to be made, or entered, only with privileges in the caller's own user namespace
}

const waitForSibling = `until [ "$(readlink /proc/$!/ns/net)" != "$(readlink /proc/self/ns/net)" ] && [ -e /proc/$!/ns/net ]; do :; done; `

var topologies = map[string]topology{
	"user namespace owns all":          {script: "unshare -UrmuinpCT --fork $TARGET <&3"},
	"user namespace alone":             {script: "unshare -Ur $TARGET <&3"},
	"user namespace without a map":     {script: "unshare -Un $TARGET <&3"},
	"net of the parent user namespace": {script: "unshare -Urn unshare -Ur $TARGET <&3"},
	"net of the parent, without a map": {script: "unshare -Urn unshare -U $TARGET <&3"},
	"net of the grandparent":           {script: "unshare -Urn unshare -Ur unshare -Ur $TARGET <&3"},
	"each level owns something":        {script: "unshare -Uru unshare -Urn unshare -Uri unshare -Urm $TARGET <&3"},
	"pid of the parent":                {script: "unshare -Urpf unshare -Ur $TARGET <&3"},
	"pid namespaces three deep":        {script: "unshare -Urpf unshare -pf unshare -pf $TARGET <&3"},
	"mount of the parent":              {script: "unshare -Urm unshare -Uru $TARGET <&3"},
	"time of the parent":               {script: "unshare -UrT --fork unshare -Ur $TARGET <&3"},
	"net of a sibling": {script: `unshare -Ur sh -c 'unshare -Urn sh -c "read x" <&3 & ` + waitForSibling +
		`exec nsenter --net=/proc/$!/ns/net unshare -Ur $TARGET <&3'`},
	"not dumpable":                           {script: "unshare -Urn $TARGET undumpable <&3"},
	"own user namespace, all else its own":   {script: "unshare -muinpCT --fork $TARGET <&3", privileged: true},
	"net of the caller's user namespace":     {script: "unshare -n unshare -Ur $TARGET <&3", privileged: true},
	"mount of the caller's user namespace":   {script: "unshare -m unshare -Uru $TARGET <&3", privileged: true},
	"pid of the caller's user namespace":     {script: "unshare -pf unshare -Ur $TARGET <&3", privileged: true},
	"all but user of the caller's own":       {script: "unshare -muinpCT --fork unshare -U $TARGET <&3", privileged: true},
	"not dumpable, in the caller's own user": {script: "unshare -n $TARGET undumpable <&3", privileged: true},
}

// makeTopology runs a script and returns the target that is at its end.
func makeTopology(t *testing.T, script string) (target int) {
	t.Helper()
	r, w, err := os.Pipe()
	if err != nil {
		t.Fatal(err)
	}
	cmd := exec.Command("/bin/sh", "-c", script+"; exit $?")
	cmd.Env = zooEnv("target", "TARGET="+zooBinary)
	cmd.ExtraFiles = []*os.File{r}
	cmd.Stderr = os.Stderr
	stdout, err := cmd.StdoutPipe()
	if err != nil {
		t.Fatal(err)
	}
	if err := cmd.Start(); err != nil {
		t.Fatal(err)
	}
	r.Close()
	t.Cleanup(func() {
		w.Close()
		_ = cmd.Wait()
	})
	if _, err := io.ReadFull(stdout, make([]byte, len("ready"))); err != nil {
		t.Fatalf("target of %s: %v", script, err)
	}
	if target = findTarget(cmd.Process.Pid); target == 0 {
		t.Fatalf("no target below %d", cmd.Process.Pid)
	}
	return target
}

// findTarget returns the target below a process, or 0.
func findTarget(pid int) int {
	if comm, _ := os.ReadFile(fmt.Sprintf("/proc/%d/comm", pid)); string(comm) == "zoo\n" {
		return pid
	}
	for _, child := range childrenOf(pid) {
		if target := findTarget(child); target != 0 {
			return target
		}
	}
	return 0
}

// entersWithNsenter tells whether nsenter(1) gets into the same namespaces.
func entersWithNsenter(t *testing.T, set *ns.Set) bool {
	t.Helper()
	var arg []string
	for _, typ := range set.Types().Types() {
		flag := map[ns.Type]string{ns.Mount: "mount"}[typ]
		if flag == "" {
			flag = typ.Name()
		}
		path := fmt.Sprintf("/proc/%d/fd/%d", os.Getpid(), set.Handle(typ).Fd())
		if own, err := ns.Current(typ); err == nil && !own.Equal(set.Handle(typ)) {
			arg = append(arg, "--"+flag+"="+path)
			own.Close()
		}
	}
	for _, more := range [][]string{{"true"}, {"--preserve-credentials", "true"}} {
		if exec.Command("nsenter", slices.Concat(arg, more)...).Run() == nil {
			return true
		}
	}
	return false
}

func TestTopologies(t *testing.T) {
	baseline(t)
	for name, top := range topologies {
		t.Run(name, func(t *testing.T) {
			if top.privileged && testutil.Who() == testutil.User {
				return // what root alone can make is no topology of an ordinary user's
			}
			target := makeTopology(t, top.script)
			set, err := ns.OfPID(target, ns.All)
			if err != nil {
				t.Fatal(err)
			}
			defer set.Close()
			t.Logf("nsenter(1) gets in: %v", entersWithNsenter(t, set))
			eachMode(t, func(t *testing.T, mode nsenter.JoinMode) {
				checkNamespacesOf(t, set, mode)
			})
		})
	}
}

// checkNamespacesOf enters and compares the payload's namespaces with the set's.
func checkNamespacesOf(t *testing.T, set *ns.Set, mode nsenter.JoinMode) {
	t.Helper()
	want := make(map[string]uint64)
	for _, typ := range set.Types().Types() {
		want[typ.Name()] = set.Handle(typ).ID().Ino
	}
	p := enterSet(t, set, mode)
	checkNamespaces(t, p.Process.Pid, want)
	checkIdentity(t, p)
}

// Single types of a target that has many: whoever nsenter(1) lets in, we do; and a refusal says why.
func TestSubsets(t *testing.T) {
	baseline(t)
	target := makeTopology(t, topologies["user namespace owns all"].script)
	for _, types := range []ns.Type{ns.Net, ns.UTS | ns.Mount, ns.PID | ns.IPC, ns.All &^ ns.User, ns.User | ns.Net, ns.User} {
		t.Run(types.String(), func(t *testing.T) {
			set := setOf(t, target, types)
			if entersWithNsenter(t, set) {
				eachMode(t, func(t *testing.T, mode nsenter.JoinMode) { checkNamespacesOf(t, set, mode) })
				return
			}
			var e *nsenter.Error
			err := nsenter.Command(set, "/bin/true").Run()
			if !errors.As(err, &e) || !errors.Is(err, unix.EPERM) || e.Type == 0 || e.Hint == "" {
				t.Errorf("refusal is %+v", err)
			}
		})
	}
}

// Handles from two targets: one gives the user namespace, and the other gives one of its own.
func TestMixedHandles(t *testing.T) {
	baseline(t)
	first := makeTopology(t, "unshare -Urnu $TARGET <&3")
	second := makeTopology(t, "unshare -Urnu $TARGET <&3")
	sibling := makeTopology(t, topologies["net of a sibling"].script)
	for name, pids := range map[string]map[ns.Type]int{
		"strangers":          {ns.User: first, ns.Net: second},
		"strangers reversed": {ns.User: second, ns.UTS: first, ns.Net: first},
		"same":               {ns.User: first, ns.UTS: first, ns.Net: first},
		"own and theirs":     {ns.User: first, ns.UTS: os.Getpid(), ns.Net: first},
		"sibling's net":      {ns.User: first, ns.Net: sibling},
	} {
		t.Run(name, func(t *testing.T) {
			set := mixed(t, pids)
			if err := nsenter.Command(set, "/bin/true").Run(); err == nil {
				checkNamespacesOf(t, set, nsenter.JoinAuto)
			} else if entersWithNsenter(t, set) || name == "same" || !errors.Is(err, unix.EPERM) {
				t.Errorf("nsenter(1) gets in: %v, we do not: %v", entersWithNsenter(t, set), err)
			}
		})
	}
}

// mixed is a set of a handle of each process.
func mixed(t *testing.T, pids map[ns.Type]int) *ns.Set {
	t.Helper()
	var handles []*ns.Handle
	for typ, pid := range pids {
		handle, err := ns.OpenPID(pid, typ)
		if err != nil {
			t.Fatal(err)
		}
		defer handle.Close()
		handles = append(handles, handle)
	}
	set, err := ns.NewSet(handles...)
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() { set.Close() })
	return set
}
