//go:build linux && cgo

package attack

import (
	"encoding/json"
	"fmt"
	"os"
	"os/exec"
	"strings"
	"testing"
)

// ordersVariable makes the test binary a caller: a program that enters a target as it is told.
const ordersVariable = "NSEXEC_ATTACK_ORDERS"

// A way is how a caller enters.
type way string

const (
	oneShot  way = "one-shot"
	launched way = "launcher"
	nsenter1 way = "nsenter(1)"
)

// orders are what a caller is told.
type orders struct {
	Way     way
	Tool    string // nsenter(1), a copy
	PID     int
	Joins   int
	Program []string
	Env     []string
	Dir     string

	UID       int    // of every other payload; 0: all are root
	Pause     bool   // before GO, now and then
	StrayFrom string // a directory that 50 files are opened of, without close-on-exec
	MoveTo    string // the caller's directory, once there is a launcher
	Unlinked  bool   // the caller's executable has no name: there is no overlay of it
	MountProc string // where a procfs of a new pid namespace is mounted
	Watch     bool   // reads the environment of what is on its way
	Session   bool   // the payloads have a session and a terminal of their own
	Wait      bool   // for the end of stdin, at the end
	Beside    bool   // other calls of the same launcher, until one of these fails
	Timeout   int    // in seconds, for each Start; 0: the default
}

// tidings are what a caller has to tell.
type tidings struct {
	Started int
	Errors  map[string]int // by their text
	Said    []string       // what payloads said, if it was not yet said
	Seen    []string       // what Watch has found
	PID     int            // of the launcher
}

func (n *tidings) say(text string) {
	for _, line := range strings.Split(strings.TrimSpace(text), "\n") {
		n.Said = addOnce(n.Said, line)
	}
}

func addOnce(list []string, text string) []string {
	for _, other := range list {
		if other == text {
			return list
		}
	}
	return append(list, text)
}

// won is what payloads said of their success; empty if they had none.
func (n *tidings) won() string {
	for _, line := range n.Said {
		if what, ok := strings.CutPrefix(line, "WON "); ok {
			return what
		}
	}
	return ""
}

// says tells whether a payload has said a line that begins so.
func (n *tidings) says(prefix string) bool {
	for _, line := range n.Said {
		if strings.HasPrefix(line, prefix) {
			return true
		}
	}
	return false
}

func (o *orders) setting() string {
	text, err := json.Marshal(o)
	if err != nil {
		panic(err) // of plain fields
	}
	return ordersVariable + "=" + string(text)
}

// command is the caller, not yet started.
func (s *scene) command(o orders) *exec.Cmd {
	o.Way, o.Tool, o.PID = s.way, s.tool, s.target.PID
	cmd := exec.Command(s.caller)
	cmd.Env = append(os.Environ(), o.setting(), "SECRET=hunter2")
	return cmd
}

// enter has the caller enter, and returns what it tells.
func (s *scene) enter(t *testing.T, o orders) *tidings {
	t.Helper()
	return s.run(t, s.command(o))
}

func (s *scene) run(t *testing.T, cmd *exec.Cmd) *tidings {
	t.Helper()
	var stderr strings.Builder
	cmd.Stderr = &stderr
	out, err := cmd.Output()
	if err != nil {
		t.Fatalf("caller: %v: %s%s", err, out, stderr.String())
	}
	return parseTidings(t, out)
}

func parseTidings(t *testing.T, out []byte) *tidings {
	t.Helper()
	var n tidings
	if err := json.Unmarshal(out, &n); err != nil {
		t.Fatalf("caller said %q: %v", out, err)
	}
	return &n
}

// wantAll fails the test unless all that the caller was to start has started: an attack on nobody proves nothing.
func (n *tidings) wantAll(t *testing.T, joins int) {
	t.Helper()
	if n.Started != joins {
		t.Errorf("%d of %d joins: %v", n.Started, joins, fmt.Sprint(n.Errors))
	}
}
