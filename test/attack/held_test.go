//go:build linux && cgo

package attack

import (
	"bytes"
	"fmt"
	"os"
	"os/exec"
	"path/filepath"
	"strconv"
	"strings"
	"syscall"
	"testing"
	"time"

	"golang.org/x/sys/unix"

	"nsexec/internal/testutil"
)

// withProcesses are the targets whose processes have ids outside, so that they may send signals to what comes in
// while it shares the launcher's memory.
var withProcesses = []kind{rootKind, runcKind, crunKind, podmanKind}

// A payload that is stopped on its way stays in the launcher's memory.
func TestHeldLauncher(t *testing.T) {
	testutil.NeedRoot(t) // others share no memory with what a target sees
	a := attack{
		name: "stop a payload that shares the launcher's memory: hold the launcher", weak: []string{"workers"},
		kinds: withProcesses, ways: []way{launched}, try: holdLauncher,
	}
	a.run(t)
}

func holdLauncher(t *testing.T, s *scene) string {
	attacker := s.attack(t, "hold", strconv.Itoa(int(unix.SIGSTOP)))
	told := s.enter(t, orders{Program: []string{"/bin/true"}, Joins: 2000, Timeout: 4, Beside: true})
	attacker.stop()
	if told.Started == 2000 {
		t.Error("nobody was stopped")
	}
	return told.won()
}

// joinBeside enters until something holds a payload; meanwhile the same launcher has to serve others.
func (c *caller) joinBeside() {
	held := make(chan bool)
	go func() {
		defer close(held)
		for i := 0; i < c.Joins && !c.held; i++ {
			c.join(i)
		}
	}()
	for {
		select {
		case <-held:
			return
		default:
		}
		cmd := c.launcher.Command(nil, "/bin/true")
		cmd.StartTimeout = time.Duration(c.Timeout) * time.Second / 2
		if err := cmd.Run(); err != nil {
			<-held
			c.tidings.say("WON the launcher is held: " + err.Error())
			return
		}
	}
}

// A core of a stage is all that it and, where it shares memory, its launcher know.
func TestCore(t *testing.T) {
	testutil.NeedRoot(t) // others' processes are nobody's to send signals to
	pattern, err := os.ReadFile("/proc/sys/kernel/core_pattern")
	if err != nil {
		t.Fatal(err)
	}
	if strings.HasPrefix(string(pattern), "/") || strings.HasPrefix(string(pattern), "|") {
		testutil.Skip(t, "cores do not go to the working directory here")
	}
	a := attack{
		name: "have a stage dump core", weak: []string{"dumpable"}, kinds: withProcesses,
		try: dumpCore,
	}
	a.run(t)
}

// What a kernel is told to make of processes whose credentials have changed must not matter: none of these have.
func dumpCore(t *testing.T, s *scene) string {
	values := []string{""}
	if full {
		values = []string{"0", "1", "2"}
	}
	for _, value := range values {
		if won := s.dumpCoreWith(t, value); won != "" {
			return won + ", fs.suid_dumpable being " + value
		}
	}
	return ""
}

// dumpCoreWith tries it with that value of the sysctl, or with the one that there is.
func (s *scene) dumpCoreWith(t *testing.T, value string) string {
	t.Helper()
	if value != "" {
		setSuidDumpable(t, value)
	}
	dir := newDir(t)
	attacker := s.attack(t, "hold", strconv.Itoa(int(unix.SIGQUIT)))
	cmd := behind(t, s.command(orders{Program: []string{"/bin/true"}, Joins: many(60, 100), Pause: true}),
		"sh", "-c", `ulimit -c unlimited; cd "$1"; exec "$2"`, "sh", dir)
	told := s.run(t, cmd)
	attacker.stop()
	if len(told.Errors) == 0 {
		t.Error("nobody was hit")
	}
	for _, place := range []string{dir, s.target.root} {
		cores, _ := filepath.Glob(place + "/core*") // the pattern is well-formed
		for _, core := range cores {
			// A program that has just been executed may have been hit as well: its core is the target's own.
			if text, err := os.ReadFile(core); err == nil && bytes.Contains(text, []byte("nsexec:")) {
				return "there is " + filepath.Base(core)
			}
		}
	}
	return ""
}

func setSuidDumpable(t *testing.T, value string) {
	t.Helper()
	const sysctl = "/proc/sys/fs/suid_dumpable"
	before, err := os.ReadFile(sysctl)
	if err == nil {
		err = os.WriteFile(sysctl, []byte(value), 0)
	}
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() { _ = os.WriteFile(sysctl, before, 0) })
}

// Another process of the same user, without further rights, is no friend either.
func TestSameUser(t *testing.T) {
	testutil.NeedRoot(t) // to be another user, who is nobody else
	a := attack{
		name: "reach memory, files and socket of a launcher", cve: "CVE-2016-9962", weak: []string{"dumpable"},
		kinds: []kind{sameKind}, ways: []way{launched}, try: reachLauncher,
	}
	a.run(t)
}

func reachLauncher(t *testing.T, s *scene) string {
	const user = 47111 // nobody else's, so that nobody else's processes are attacked
	as := &syscall.SysProcAttr{Credential: &syscall.Credential{Uid: user, Gid: user}}
	cmd := s.command(orders{Joins: 0, Wait: true})
	cmd.SysProcAttr, cmd.Dir = as, "/"
	stdin, err := cmd.StdinPipe()
	if err != nil {
		t.Fatal(err)
	}
	stdout, err := cmd.StdoutPipe()
	if err != nil {
		t.Fatal(err)
	}
	if err := cmd.Start(); err != nil {
		t.Fatal(err)
	}
	defer func() { stdin.Close(); _ = cmd.Wait() }()
	var pid int
	if _, err := fmt.Fscan(stdout, &pid); err != nil {
		t.Fatal(err)
	}
	attack := exec.Command(evil, "reach", strconv.Itoa(pid))
	attack.SysProcAttr = as
	out, err := attack.Output()
	if err != nil || !strings.Contains(string(out), "done") && !strings.Contains(string(out), "WON") {
		t.Fatalf("%v: %s", err, out)
	}
	_, won, _ := strings.Cut(strings.TrimSpace(string(out)), "WON ")
	return won
}
