//go:build linux && cgo

package nsenter_test

import (
	"fmt"
	"net"
	"os"
	"os/exec"
	"path/filepath"
	"strings"
	"testing"

	"golang.org/x/sys/unix"

	"nsexec/ns"
	"nsexec/nsenter"
)

func init() {
	// report is a program that merely links the library: it says what it was given, and uses the library.
	zoo["report"] = func([]string) error {
		var st unix.Stat_t
		if err := unix.Fstat(3, &st); err != nil {
			return err
		}
		value, set := os.LookupEnv(nsenter.PipeVariable)
		out, err := nsenter.Command(nil, "/bin/echo", "entered").Output()
		fmt.Printf("%q %v, fd 3: %d:%d, %q %v\n", value, set, st.Dev, st.Ino, out, err)
		return nil
	}
}

// nonsense is what the variable may hold that no caller has written.
var nonsense = []string{
	"", "x", "-1", "-3", "+3", " 3", "3 ", "3x", "0x3", "3.0", "3,4", "99", "2147483647", "2147483648", "4294967299",
	"99999999999999999999999999", "00000000000003", "٣", strings.Repeat("3", 100_000), "/proc/self/fd/3", "%d",
}

// Fd 3 is a socket that would do, so that only the value is wrong.
func TestVariableThatIsNonsense(t *testing.T) {
	_, theirs := socketPair(t, unix.SOCK_STREAM)
	for _, value := range nonsense {
		checkInert(t, value, theirs)
		checkExits(t, value, theirs)
	}
	checkExits(t, "unset", theirs)
}

// The fd is open, but is not what a caller would pass.
func TestVariableThatNamesWrongFile(t *testing.T) {
	for name, file := range wrongFiles(t) {
		t.Run(name, func(t *testing.T) {
			checkInert(t, "3", file)
			checkExits(t, "3", file)
		})
	}
}

func wrongFiles(t *testing.T) map[string]*os.File {
	t.Helper()
	r, w, err := os.Pipe()
	if err != nil {
		t.Fatal(err)
	}
	regular, err := os.Create(filepath.Join(t.TempDir(), "file"))
	if err != nil {
		t.Fatal(err)
	}
	dir, err := os.Open("/")
	if err != nil {
		t.Fatal(err)
	}
	datagram, _ := socketPair(t, unix.SOCK_DGRAM)
	packets, _ := socketPair(t, unix.SOCK_SEQPACKET)
	files := map[string]*os.File{
		"pipe to read": r, "pipe to write": w, "file": regular, "directory": dir, "datagrams": datagram,
		"packets": packets, "listening socket": listening(t),
	}
	for _, file := range files {
		t.Cleanup(func() { file.Close() })
	}
	return files
}

func socketPair(t testing.TB, kind int) (ours, theirs *os.File) {
	t.Helper()
	fds, err := unix.Socketpair(unix.AF_UNIX, kind|unix.SOCK_CLOEXEC, 0)
	if err != nil {
		t.Fatal(err)
	}
	ours, theirs = os.NewFile(uintptr(fds[0]), "ours"), os.NewFile(uintptr(fds[1]), "theirs")
	t.Cleanup(func() { ours.Close(); theirs.Close() })
	return ours, theirs
}

func listening(t testing.TB) *os.File {
	t.Helper()
	l, err := net.Listen("tcp", "127.0.0.1:0")
	if err != nil {
		t.Fatal(err)
	}
	defer l.Close()
	file, err := l.(*net.TCPListener).File()
	if err != nil {
		t.Fatal(err)
	}
	return file
}

func reporter(value string, file *os.File) *exec.Cmd {
	cmd := exec.Command(zooBinary)
	cmd.Env = zooEnv("report", nsenter.PipeVariable+"="+value)
	cmd.ExtraFiles = []*os.File{file}
	return cmd
}

// checkInert: an ordinary program runs as if the library were not linked, and can use it.
func checkInert(t *testing.T, value string, file *os.File) {
	t.Helper()
	want := fmt.Sprintf("%q true, fd 3: %s, \"entered\\n\" <nil>\n", value, identity(t, file.Fd()))
	out, err := reporter(value, file).CombinedOutput()
	if err != nil || string(out) != want {
		t.Errorf("with %.40q: %v, %.200s\nwant %.200s", value, err, out, want)
	}
}

// checkExits: a process that the library has started ends, with a status that tells why, and main never runs.
func checkExits(t *testing.T, value string, file *os.File) {
	t.Helper()
	cmd := reporter(value, file)
	if value == "unset" {
		cmd.Env = zooEnv("report")
	}
	cmd.Args = []string{nsenter.Stage0Name}
	out, _ := cmd.CombinedOutput()
	if code := cmd.ProcessState.ExitCode(); len(out) > 0 || code < 65 || code > 69 {
		t.Errorf("stage 0 with %.40q: %v, said %q", value, cmd.ProcessState, out)
	}
}

// A real socketpair, but somebody else's: its peer is not our parent.
func TestSocketOfSomebodyElse(t *testing.T) {
	_, theirs := socketPair(t, unix.SOCK_STREAM)
	for name, exits := range map[string]bool{"program": false, nsenter.Stage0Name: true} {
		const spawn = `bash -c 'exec -a "$1" "$0"' "$0" "$1"; exit $?`
		cmd := exec.Command("/bin/sh", "-c", spawn, zooBinary, name)
		cmd.Env = zooEnv("report", nsenter.PipeVariable+"=3")
		cmd.ExtraFiles = []*os.File{theirs}
		out, err := cmd.CombinedOutput()
		code := cmd.ProcessState.ExitCode()
		if ran := strings.Contains(string(out), "entered"); ran == exits || exits && (code < 65 || code > 69) {
			t.Errorf("as %s: %v, %s", name, err, out)
		}
	}
}

func TestNobodyHasTheVariable(t *testing.T) {
	everywhere(t, func(t *testing.T, set *ns.Set) {
		check := func(pid int) error {
			environ, err := os.ReadFile(fmt.Sprintf("/proc/%d/environ", pid))
			if os.Geteuid() != 0 && os.IsPermission(err) {
				return nil // not dumpable: there is nothing to be seen
			}
			if strings.Contains(string(environ), nsenter.PipeVariable) {
				return fmt.Errorf("environ of %d is %q", pid, environ)
			}
			return err
		}
		bothWays(t, func(t *testing.T, command starter) {
			p := enter(t, command(set, "/bin/sh", "-c", sayPIDAndWait), check)
			if err := check(p.Process.Pid); err != nil {
				t.Error(err)
			}
		})
	})
}
