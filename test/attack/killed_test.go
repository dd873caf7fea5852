//go:build linux && cgo

package attack

import (
	"bytes"
	"fmt"
	"math/rand/v2"
	"os"
	"os/exec"
	"path/filepath"
	"strconv"
	"strings"
	"syscall"
	"testing"
	"time"
)

// A caller that dies must leave no process that takes itself for it, and no call that is answered twice.
func TestKilledCaller(t *testing.T) {
	a := attack{name: "kill the caller at any moment: a second main, a second run", weak: []string{"inert"}, try: killCaller}
	a.run(t)
}

// most is how many processes of ours a call may take at a time: two stages, and a launcher.
const most = 3

func killCaller(t *testing.T, s *scene) string {
	const calls = 3
	s.target.write(t, "tmp/ran", "")
	own(t, s.target)
	tries := many(8, 25)
	if s.weak {
		tries = 2000 // it takes luck; the first that succeeds is the last
	}
	for i := range tries {
		if won := s.killOnce(t, i%2 == 0, orders{Program: []string{"/evil", "note", "/tmp/ran"}, Joins: calls}); won != "" {
			return won
		}
		ran, err := os.ReadFile(s.target.path("tmp/ran"))
		if err != nil {
			t.Fatal(err)
		}
		if len(ran) > calls {
			return fmt.Sprintf("%d runs by %d calls", len(ran), calls)
		}
		s.target.write(t, "tmp/ran", "")
	}
	return ""
}

// killOnce kills a caller: at the moment at which it has started somebody, or whenever.
func (s *scene) killOnce(t *testing.T, soon bool, o orders) string {
	t.Helper()
	cmd := s.command(o)
	cmd.SysProcAttr = &syscall.SysProcAttr{Setsid: true}
	if err := cmd.Start(); err != nil {
		t.Fatal(err)
	}
	crowd, begun := 0, false
	moment := time.Now().Add(rand.N(30 * time.Millisecond))
	if soon {
		moment = time.Now().Add(time.Second) // at the latest
	}
	for time.Now().Before(moment) && (!soon || !begun) {
		all, stages := countChildren(cmd.Process.Pid)
		crowd, begun = max(crowd, stages), all > 0
	}
	if soon {
		time.Sleep(rand.N(time.Millisecond))
	}
	_ = cmd.Process.Kill()
	_ = cmd.Wait()
	if crowd > most {
		return fmt.Sprintf("%d processes at a time", crowd)
	}
	return awaitQuiet(t, cmd)
}

// awaitQuiet waits until nothing of a session is left, programs that still have something to note among it, and says what
// stays.
func awaitQuiet(t *testing.T, cmd *exec.Cmd) string {
	t.Helper()
	for deadline := time.Now().Add(2 * time.Second); ; time.Sleep(time.Millisecond) {
		left := members(cmd.Process.Pid)
		if len(left) == 0 {
			return ""
		}
		for _, pid := range left {
			if threads, _ := os.ReadDir(fmt.Sprintf("/proc/%d/task", pid)); len(threads) > 1 && isStage(pid) {
				_ = syscall.Kill(pid, syscall.SIGKILL)
				return "a stage runs main"
			}
		}
		if time.Now().After(deadline) {
			return fmt.Sprintf("%d processes stay", len(left))
		}
	}
}

// members are the processes in a session, but for who leads it.
func members(session int) (pids []int) {
	stats, _ := filepath.Glob("/proc/[0-9]*/stat") // the pattern is well-formed
	for _, path := range stats {
		text, err := os.ReadFile(path)
		if err != nil {
			continue // it has gone
		}
		_, rest, _ := bytes.Cut(text, []byte(") "))
		fields := strings.Fields(string(rest))
		if len(fields) < 4 || fields[3] != strconv.Itoa(session) || strings.Contains("ZX", fields[0]) {
			continue
		}
		pid, _ := strconv.Atoi(filepath.Base(filepath.Dir(path)))
		if pid != session {
			pids = append(pids, pid)
		}
	}
	return pids
}

// isStage tells whether a process is the library's, or would be one of the caller's by mistake.
func isStage(pid int) bool {
	cmdline, _ := os.ReadFile(fmt.Sprintf("/proc/%d/cmdline", pid))
	return bytes.HasPrefix(cmdline, []byte("nsexec"))
}

// countChildren counts a caller's children, and those of them that are stages: all stages are its children.
func countChildren(caller int) (all, stages int) {
	lists, _ := filepath.Glob(fmt.Sprintf("/proc/%d/task/*/children", caller)) // the pattern is well-formed
	for _, list := range lists {
		text, _ := os.ReadFile(list)
		for _, field := range strings.Fields(string(text)) {
			all++
			if pid, err := strconv.Atoi(field); err == nil && isStage(pid) {
				stages++
			}
		}
	}
	return all, stages
}
