//go:build linux && cgo

package attack

import (
	"debug/elf"
	"errors"
	"fmt"
	"io"
	"os"
	"strings"
	"testing"
	"time"

	"nsexec/internal/testutil"
)

// The target chooses what is executed, and that may be the executable that has come in: by a link, as the interpreter
// of a script, or as that of a binary. Its dynamic loader then is the target's, who has all of a process of it.
var entries = map[string]func(*testing.T, *target){
	"/bin/script": func(t *testing.T, tg *target) { tg.write(t, "bin/script", "#!/proc/self/exe\n") },
	"/bin/link":   func(t *testing.T, tg *target) { tg.link(t, "bin/link", "/proc/self/exe") },
	"/bin/elf":    func(t *testing.T, tg *target) { tg.write(t, "bin/elf", interpretedByExe(t)) },
}

func TestExecutable(t *testing.T) {
	a := attack{name: "overwrite the executable that enters", cve: "CVE-2019-5736", weak: []string{"executable"}, tool: true, try: overwriteExe}
	a.run(t)
}

// A bind mount would be read-only only until the target says otherwise.
func TestExecutableByMountFlags(t *testing.T) {
	a := attack{
		name: "the same, having made its mount writable", cve: "CVE-2019-5736", weak: []string{"bind"},
		kinds: []kind{adminKind}, try: overwriteExe,
	}
	a.run(t)
}

func overwriteExe(t *testing.T, s *scene) string {
	before := sum(t, s.executable())
	plantLoader(t, s)
	for path, plant := range entries {
		plant(t, s.target)
		_, err := s.command(orders{Program: []string{path}, Joins: many(5, 30)}).Output()
		if sum(t, s.executable()) != before { // and may not even be a program any more
			return "changed while it was not in use"
		}
		if err != nil {
			t.Fatalf("caller: %v", err)
		}
	}
	s.target.write(t, "tmp/end", "")
	said := s.await(t, "tmp/said", "done", "WON")
	if after := sum(t, s.executable()); after != before {
		return "the executable has been changed"
	}
	_, won, _ := strings.Cut(said, "WON ")
	return won
}

// Whoever owns a memfd may change its mode. A target's root may be its owner: root's without a user namespace, or a
// rootless caller's.
func TestExecutableMode(t *testing.T) {
	a := attack{name: "forbid to execute the copy in a memfd", weak: []string{"mode"}, ways: []way{oneShot}, try: forbidExecution}
	if testutil.Who() == testutil.Root { // whom those in a user namespace are not
		a.kinds = withProcesses
	}
	a.run(t)
}

func forbidExecution(t *testing.T, s *scene) string {
	plantLoader(t, s)
	entries["/bin/script"](t, s.target)
	told := s.enter(t, orders{Program: []string{"/bin/script"}, Joins: many(5, 30), Unlinked: true})
	if text := fmt.Sprint(told.Errors); strings.Contains(text, "start stage 0") {
		return "the caller starts nothing any more: " + text
	}
	s.target.write(t, "tmp/end", "")
	s.await(t, "tmp/said", "done", "WON")
	return ""
}

// plantLoader: what the executable asks for as its dynamic loader is the target's.
func plantLoader(t *testing.T, s *scene) {
	t.Helper()
	s.target.put(t, interpreterOf(t, s.executable()), loader)
	s.target.write(t, "tmp/said", "")
	if err := os.Chmod(s.target.path("tmp/said"), 0o666); err != nil {
		t.Fatal(err)
	}
	if s.target.capabilities() == "all" {
		s.target.write(t, "etc/all-capabilities", "")
	}
	own(t, s.target)
}

func interpreterOf(t *testing.T, path string) string {
	t.Helper()
	f, err := elf.Open(path)
	if err != nil {
		t.Fatal(err)
	}
	defer f.Close()
	for _, p := range f.Progs {
		if p.Type == elf.PT_INTERP {
			text, err := io.ReadAll(p.Open())
			if err != nil {
				t.Fatal(err)
			}
			return strings.TrimRight(string(text), "\x00")
		}
	}
	t.Fatal(errors.New("the caller is static"))
	return ""
}

// interpretedByExe is a binary whose dynamic loader is named "/proc/self/exe".
func interpretedByExe(t *testing.T) string {
	t.Helper()
	text, err := os.ReadFile(callers[""])
	if err != nil {
		t.Fatal(err)
	}
	name := interpreterOf(t, callers[""])
	const exe = "/proc/self/exe"
	return strings.Replace(string(text), name+"\x00", exe+strings.Repeat("\x00", len(name)-len(exe)+1), 1)
}

// await waits until a file of the target's holds one of the texts.
func (s *scene) await(t *testing.T, name string, texts ...string) string {
	t.Helper()
	for deadline := time.Now().Add(20 * time.Second); ; time.Sleep(10 * time.Millisecond) {
		said, err := os.ReadFile(s.target.path(name))
		for _, text := range texts {
			if err == nil && strings.Contains(string(said), text) {
				return string(said)
			}
		}
		if time.Now().After(deadline) {
			t.Fatalf("%s is %q, %v", name, said, err)
		}
	}
}
