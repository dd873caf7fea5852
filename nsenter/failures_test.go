//go:build linux && cgo

package nsenter_test

import (
	"os"
	"slices"
	"strings"
	"sync/atomic"
	"testing"

	"nsexec/internal/testutil"
	"nsexec/ns"
	"nsexec/nsenter"
)

// whole is what an error must hold, beside a hint with these words.
type whole struct {
	refusal
	typ  ns.Type
	says []string
}

// A failure is one way in which a payload does not start. It is made to happen, not pretended.
type failure struct {
	name  string
	in    func(t *testing.T) bool // the surroundings it takes: see alone; nil: none
	once  bool                    // not by a launcher as well
	want  whole
	fails func(t *testing.T, command starter, want *whole) error // may add to what is wanted
}

// wanted is how many of them there must be, for who may do everything.
const wanted = 30

// Whatever goes wrong on the way, the error says at which stage, doing what, to what, with which errno, and what that
// means where it misleads ("exit status 26": runc issues 1130 and 4905).
func TestEveryErrorIsWhole(t *testing.T) {
	first := os.Getenv(aloneVariable) == "" // not one of those that it starts
	if first {
		baseline(t)
	}
	var ran, seen atomic.Int32
	failures := slices.Concat(programFailures, requestFailures, joinFailures, creationFailures, limitFailures, heldFailures, filterFailures)
	for _, f := range failures {
		t.Run(f.name, func(t *testing.T) {
			ran.Add(1)
			f.run(t)
			seen.Add(1)
		})
	}
	if !first {
		return
	}
	t.Logf("%d of %d failures seen", seen.Load(), len(failures))
	if all := int(ran.Load()) == len(failures); all && testutil.Who() == testutil.Root && seen.Load() < wanted {
		t.Errorf("want %d at least", wanted)
	}
}

func (f *failure) run(t *testing.T) {
	if f.in != nil && !f.in(t) {
		return
	}
	f.check(t, "one-shot", nsenter.Command)
	if !f.once {
		f.check(t, "launcher", newLauncher(t).Command)
	}
}

func (f *failure) check(t *testing.T, how string, command starter) {
	t.Helper()
	want := f.want
	err := f.fails(t, command, &want)
	t.Logf("%s: %v", how, err)
	checkWhole(t, err, want)
}

func checkWhole(t *testing.T, err error, want whole) {
	t.Helper()
	checkError(t, err, want.refusal)
	e, ok := err.(*nsenter.Error)
	if !ok {
		t.Fatalf("%v is wrapped, by %T", err, err)
	}
	if e.Type != want.typ {
		t.Errorf("type is %v, want %v", e.Type, want.typ)
	}
	for _, word := range want.says {
		if !strings.Contains(err.Error(), word) {
			t.Errorf("%q does not say %q", err, word)
		}
	}
	if strings.Contains(err.Error(), "exit status") {
		t.Errorf("%q would be taken for the program's", err)
	}
}

// changed starts a command that a change makes fail.
func changed(change func(*nsenter.Cmd)) func(*testing.T, starter, *whole) error {
	return func(_ *testing.T, command starter, _ *whole) error {
		cmd := command(nil, "/bin/true")
		change(cmd)
		return cmd.Run()
	}
}

// asNobody runs the calling test again as an ordinary user, if root runs it.
func asNobody(t *testing.T) bool {
	t.Helper()
	if testutil.Who() == testutil.User {
		return true
	}
	testutil.NeedRoot(t)
	aloneIn(t, asNobodyRun)
	return false
}

var asNobodyRun = []string{"setpriv", "--reuid=47110", "--regid=47110", "--clear-groups", "env", "TMPDIR=/tmp"}

// inOwnMounts runs the calling test again in a mount namespace of its own.
func inOwnMounts(t *testing.T) bool {
	t.Helper()
	if os.Getenv(aloneVariable) == t.Name() {
		return true
	}
	unshare := []string{"unshare", "--mount", "--propagation", "private"}
	if testutil.Who() == testutil.User {
		unshare = append(unshare, "--map-root-user")
	}
	aloneIn(t, unshare)
	return false
}

// byItself runs the calling test again in a process of its own.
func byItself(t *testing.T) bool {
	t.Helper()
	return alone(t)
}

// rootAlone is for what only root can do: in a process of its own, for what must not outlast it.
func rootAlone(t *testing.T) bool {
	t.Helper()
	testutil.NeedRoot(t)
	return alone(t)
}

// handedOver is the set of a namespace that the process is given as fd 3.
func handedOver(t *testing.T) *ns.Set {
	t.Helper()
	handle, err := ns.Open("/proc/self/fd/3")
	return setOfHandle(t, handle, err)
}
