//go:build linux && cgo

package attack

import (
	"io/fs"
	"os"
	"path/filepath"
	"strings"
	"testing"

	"golang.org/x/sys/unix"
)

// planted are files that loading, looking up users or names, mapping ids and writing attributes would open: all that a
// process does without being asked to. A fake /proc and /dev are put in the place of the real ones.
var planted = []string{
	"etc/ld.so.preload", "etc/ld.so.cache", "etc/ld-musl-x86_64.path", "lib/x86_64-linux-gnu/libc.so.6", "lib/libc.so.6",
	"lib64/ld-linux-x86-64.so.2", "lib/ld-linux-aarch64.so.1", "lib/x86_64-linux-gnu/libnss_files.so.2", "lib/libnss_compat.so.2",
	"usr/lib/x86_64-linux-gnu/gconv/gconv-modules", "etc/nsswitch.conf", "etc/passwd", "etc/group", "etc/subuid",
	"etc/subgid", "etc/localtime", "etc/host.conf", "etc/resolv.conf", "etc/hosts", "etc/selinux/config",
	"usr/lib/locale/locale-archive", "usr/lib/locale/C.utf8/LC_ALL", "usr/bin/newuidmap", "usr/bin/newgidmap",
	"bin/newuidmap", "bin/newgidmap", "usr/bin/nsenter", "fake/proc/self/comm", "fake/proc/self/fd/0", "fake/proc/self/exe",
	"fake/proc/self/attr/exec", "fake/proc/self/attr/apparmor/exec", "fake/proc/self/attr/current", "fake/proc/self/status",
	"fake/proc/self/oom_score_adj", "fake/proc/self/uid_map", "fake/proc/self/gid_map", "fake/proc/self/setgroups",
	"fake/proc/self/timens_offsets", "fake/proc/self/ns/net", "fake/proc/self/ns/mnt", "fake/proc/self/mountinfo",
	"fake/proc/self/cgroup", "fake/proc/self/maps", "fake/proc/thread-self/attr/exec", "fake/proc/thread-self/comm",
	"fake/proc/sys/kernel/cap_last_cap", "fake/proc/sys/net/ipv4/ping_group_range", "fake/proc/sysrq-trigger",
	"fake/proc/filesystems", "fake/dev/null", "fake/dev/console", "fake/dev/tty", "fake/dev/ptmx", "fake/dev/urandom",
}

func TestPlantedFiles(t *testing.T) {
	a := attack{
		name: "plant loader, libraries, user database, helpers, /proc and /dev",
		cve:  "CVE-2019-14271, CVE-2022-1227, CVE-2019-16884, CVE-2023-27561, CVE-2025-31133, CVE-2025-52565, CVE-2025-52881",
		weak: []string{"late"}, tool: true, try: plant,
	}
	a.run(t)
}

const canary = "planted"

func plant(t *testing.T, s *scene) string {
	for _, name := range planted {
		s.target.write(t, name, canary)
	}
	// What is written to these would go elsewhere: to a file of somebody else's choice.
	s.target.write(t, "canary", canary)
	s.target.link(t, "fake/proc/self/oom_score_adj", "/canary")
	s.target.link(t, "fake/dev/console", "/canary")
	own(t, s.target)
	for _, dir := range []string{"/proc", "/dev"} {
		mount := s.target.inside("/bin/mount", "-o", "bind", "/fake"+dir, dir)
		if out, err := mount.CombinedOutput(); err != nil {
			t.Fatalf("%v: %v: %s", mount, err, out)
		}
	}
	watch := watchFiles(t, s.target)
	joins := many(3, 30)
	told := s.enter(t, orders{Program: []string{"/bin/true"}, Joins: joins})
	told.wantAll(t, joins)
	for _, program := range []string{"/no/such/program", "nothing", "/etc", "/canary"} {
		s.enter(t, orders{Program: []string{program}, Joins: joins})
	}
	if opened := watch.opened(t); len(opened) > 0 {
		return "opened " + strings.Join(opened, " ")
	}
	return changed(t, s.target)
}

// changed names what is planted and not as it was.
func changed(t *testing.T, tg *target) string {
	t.Helper()
	for _, name := range append(planted, "canary") {
		info, err := os.Lstat(tg.path(name))
		if err == nil && info.Mode()&fs.ModeSymlink != 0 {
			continue // it leads to the canary
		}
		if text, err := os.ReadFile(tg.path(name)); err != nil || string(text) != canary {
			return "changed " + name
		}
	}
	return ""
}

// fileWatch notes which of the planted files are opened, whoever does it and by whatever path.
type fileWatch struct {
	fd    int
	names map[int32]string
}

func watchFiles(t *testing.T, tg *target) *fileWatch {
	t.Helper()
	fd, err := unix.InotifyInit1(unix.IN_CLOEXEC | unix.IN_NONBLOCK)
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() { unix.Close(fd) })
	w := &fileWatch{fd: fd, names: map[int32]string{}}
	for _, name := range planted {
		path := tg.path(name)
		if info, err := os.Lstat(path); err != nil || info.Mode()&fs.ModeSymlink != 0 {
			continue // what it leads to is looked at in the end
		}
		wd, err := unix.InotifyAddWatch(fd, path, unix.IN_OPEN|unix.IN_MODIFY)
		if err != nil {
			t.Fatalf("watch %s: %v", path, err)
		}
		w.names[int32(wd)] = name
	}
	return w
}

func (w *fileWatch) opened(t *testing.T) (names []string) {
	t.Helper()
	buf := make([]byte, 64<<10)
	for {
		n, err := unix.Read(w.fd, buf)
		if err == unix.EAGAIN {
			return names
		}
		if err != nil {
			t.Fatal(err)
		}
		for at := 0; at < n; at += unix.SizeofInotifyEvent {
			wd := int32(buf[at]) | int32(buf[at+1])<<8 | int32(buf[at+2])<<16 | int32(buf[at+3])<<24
			names = addOnce(names, w.names[wd])
		}
	}
}

// A procfs that is to be mounted must not land on what a link of the target's leads to.
func TestMountedElsewhere(t *testing.T) {
	a := attack{
		name: "have a new procfs mounted elsewhere, by a link", cve: "CVE-2023-27561, CVE-2025-52881",
		weak: []string{"procfs"}, try: mountElsewhere,
	}
	a.run(t)
}

func mountElsewhere(t *testing.T, s *scene) string {
	if err := os.Mkdir(s.target.path("elsewhere"), 0o755); err != nil {
		t.Fatal(err)
	}
	s.target.link(t, "trap", "/elsewhere")
	own(t, s.target)
	told := s.enter(t, orders{Program: []string{"/evil", "report"}, Joins: 1, MountProc: "/trap"})
	good := s.enter(t, orders{Program: []string{"/evil", "report"}, Joins: 1, MountProc: "/proc"})
	good.wantAll(t, 1)
	return told.won()
}

// tracedPaths are the calls that resolve one, or may.
const tracedPaths = "%file,setns,clone,clone3,fork,vfork,exit_group"

// What is resolved among the target's files is the working directory and the program, on failing ways too.
func TestPaths(t *testing.T) {
	a := attack{
		name: "be resolved: any path but directory and program", cve: "CVE-2019-14271, CVE-2022-1227",
		weak: []string{"late"}, try: resolvePaths,
	}
	a.run(t)
}

func resolvePaths(t *testing.T, s *scene) (won string) {
	programs := []string{"true", "nothing", "/tmp/script"}
	if full {
		programs = append(programs, "/bin/true", "/no/such/program", "/etc")
	}
	for _, program := range programs {
		s.target.write(t, "tmp/script", "#!/no/such/interpreter\n")
		cmd := s.command(orders{Program: []string{program}, Dir: "/tmp", Joins: 1})
		log := filepath.Join(newDir(t), "log")
		s.run(t, behind(t, cmd, "strace", "-f", "-qq", "-s", "512", "-o", log, "-e", "trace="+tracedPaths))
		text, err := os.ReadFile(log)
		if err != nil {
			t.Fatal(err)
		}
		r := resolved(string(text))
		if !r.joined {
			t.Error("nobody joins a mount namespace")
		}
		for _, path := range r.paths {
			name := filepath.Base(path)
			if path != "/tmp" && name != filepath.Base(program) {
				return path
			}
		}
	}
	return ""
}
