//go:build linux && cgo

package attack

import (
	"bufio"
	"crypto/sha256"
	"fmt"
	"io"
	"os"
	"os/exec"
	"path/filepath"
	"strings"
	"testing"
	"time"
)

// full is make attack: many joins, a build for each weakness, all kinds of target for each, and nsenter(1) beside it.
var full = os.Getenv("NSEXEC_ATTACK") == "full"

// many is a number of joins: so many in make attack, and fewer where a test is one of many.
func many(few, inFull int) int {
	if full {
		return inFull
	}
	return few
}

// A scene is one target that attacks one caller.
type scene struct {
	target *target
	way    way
	caller string // a build of this test, and a file of its own
	weak   bool
	tool   string // a copy of nsenter(1), which is attacked in the caller's place
}

func newScene(t *testing.T, k kind, w way, caller string) *scene {
	t.Helper()
	dir, err := os.MkdirTemp(workshop, "scene-")
	if err != nil {
		t.Fatal(err)
	}
	if err := os.Chmod(dir, 0o755); err != nil {
		t.Fatal(err)
	}
	s := &scene{target: newTarget(t, k), way: w, caller: filepath.Join(dir, "caller"), tool: filepath.Join(dir, "nsenter"), weak: caller != callers[""]}
	if err := copyFile(s.caller, caller); err != nil {
		t.Fatal(err)
	}
	if w == nsenter1 {
		s.copyTool(t)
	}
	return s
}

func (s *scene) copyTool(t *testing.T) {
	t.Helper()
	path, err := exec.LookPath("nsenter")
	if err == nil {
		err = copyFile(s.tool, path)
	}
	if err != nil {
		t.Fatal(err)
	}
}

// executable is what enters the target.
func (s *scene) executable() string {
	if s.way == nsenter1 {
		return s.tool
	}
	return s.caller
}

// title is what ps calls a process on its way in, or how that begins.
func (s *scene) title() string {
	if s.way == nsenter1 {
		return "nsenter"
	}
	return "nsexec"
}

// attack has a hostile program begin inside the target: it says so. Its lines can then be waited for.
func (s *scene) attack(t *testing.T, arg ...string) *attacker {
	t.Helper()
	cmd := s.target.command(append([]string{"/evil"}, arg...)...)
	out, err := cmd.StdoutPipe()
	if err != nil {
		t.Fatal(err)
	}
	cmd.Stderr = os.Stderr
	if err := cmd.Start(); err != nil {
		t.Fatal(err)
	}
	a := &attacker{cmd: cmd, lines: make(chan string, 1000)}
	t.Cleanup(a.stop)
	ready := make(chan bool)
	go a.listen(out, ready)
	if !<-ready {
		t.Fatalf("the attacker has not begun: %v", arg)
	}
	return a
}

// attacker is a program that runs in a target.
type attacker struct {
	cmd   *exec.Cmd
	lines chan string // what it has said, up to so many
}

func (a *attacker) listen(out io.Reader, ready chan<- bool) {
	lines := bufio.NewScanner(out)
	begun := lines.Scan() && lines.Text() == "begun"
	ready <- begun
	for lines.Scan() {
		select {
		case a.lines <- lines.Text():
		default:
		}
	}
	close(a.lines)
}

// stop ends it: nsenter(1) stands between, and its child dies with the target at the latest.
func (a *attacker) stop() {
	if a.cmd.ProcessState == nil {
		_ = a.cmd.Process.Kill()
		_ = a.cmd.Wait()
	}
}

// won is what it has said of its success, if it had any.
func (a *attacker) won() string {
	for late := time.After(200 * time.Millisecond); ; { // what it has said may still be on its way
		select {
		case line, ok := <-a.lines:
			if what, won := strings.CutPrefix(line, "WON "); won || !ok {
				return what
			}
		case <-late:
			return ""
		}
	}
}

// sum is a file's SHA-256.
func sum(t *testing.T, path string) string {
	t.Helper()
	content, err := os.ReadFile(path)
	if err != nil {
		t.Fatal(err)
	}
	return fmt.Sprintf("%x", sha256.Sum256(content))
}
