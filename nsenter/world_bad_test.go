//go:build linux && cgo

package nsenter_test

import (
	"errors"
	"fmt"
	"io/fs"
	"os"
	"os/exec"
	"path/filepath"
	"strings"
	"sync"
	"sync/atomic"
	"testing"
	"time"

	"golang.org/x/sys/unix"

	"nsexec/internal/testutil"
	"nsexec/ns"
	"nsexec/nsenter"
)

// A refusal is an error that a Cmd must fail with. Zero values are not looked at, but that something is said.
type refusal struct {
	errno nsenter.Errno
	stage nsenter.Stage
	op    string
	path  string
	is    error
	hint  string
}

// checkRefusal starts a Cmd that must fail, with an error that tells where and why.
func checkRefusal(t *testing.T, cmd *nsenter.Cmd, want refusal) {
	t.Helper()
	checkError(t, cmd.Start(), want)
	if cmd.Process != nil || cmd.ProcessState != nil {
		t.Errorf("after a failed Start there is a process: %v, %v", cmd.Process, cmd.ProcessState)
	}
}

func checkError(t *testing.T, err error, want refusal) {
	t.Helper()
	var e *nsenter.Error
	if !errors.As(err, &e) {
		t.Fatalf("no *nsenter.Error: %v", err)
	}
	if e.Errno != want.errno || e.Stage != want.stage || e.Op == "" || want.op != "" && e.Op != want.op || e.Path != want.path {
		t.Errorf("error is %+v\nwant     %+v", *e, want)
	}
	if want.errno != 0 && !errors.Is(err, want.errno) || want.is != nil && !errors.Is(err, want.is) {
		t.Errorf("%v is neither %v nor %v", err, want.errno, want.is)
	}
	if !strings.Contains(e.Hint, want.hint) {
		t.Errorf("hint is %q, want %q", e.Hint, want.hint)
	}
	if text := err.Error(); !strings.HasPrefix(text, "nsenter: "+e.Op) || strings.Contains(strings.ToLower(text), "success") {
		t.Errorf("text is %q", text)
	}
	var exit *exec.ExitError
	if errors.As(err, &exit) {
		t.Errorf("%v is an *exec.ExitError", err)
	}
}

// makeFile makes a file, in a directory that everybody may search.
func makeFile(t *testing.T, name, text string, mode os.FileMode) string {
	t.Helper()
	path := filepath.Join(filepath.Dir(zooBinary), name)
	if err := os.WriteFile(path, []byte(text), mode); err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() { os.Remove(path) })
	return path
}

func TestBadPrograms(t *testing.T) {
	baseline(t)
	plain := makeFile(t, "plain", "text", 0o644)
	script := makeFile(t, "script", "#!/no/such/interpreter\n", 0o755)
	unformatted := makeFile(t, "unformatted", "text", 0o755)
	payload := refusal{stage: nsenter.StagePayload, op: "exec"}
	everywhere(t, func(t *testing.T, set *ns.Set) {
		for path, r := range map[string]refusal{
			"/no/such/program":               {errno: unix.ENOENT, is: fs.ErrNotExist},
			"./no-such-program":              {errno: unix.ENOENT},
			"no-such-program":                {errno: unix.ENOENT, is: exec.ErrNotFound},
			plain:                            {errno: unix.EACCES, is: fs.ErrPermission, hint: "not executable"},
			"/":                              {errno: unix.EACCES, hint: "directory"},
			"/bin/sh/below":                  {errno: unix.ENOTDIR},
			script:                           {errno: unix.ENOENT, hint: "interpreter"},
			unformatted:                      {errno: unix.ENOEXEC},
			"/" + strings.Repeat("x/", 3000): {errno: unix.ENAMETOOLONG},
		} {
			r.stage, r.op, r.path = payload.stage, payload.op, path
			if len(path) > 191 {
				r.path = path[:191] // as much of it as a reply holds
			}
			t.Run(path[:min(len(path), 40)], func(t *testing.T) {
				cmd := nsenter.Command(set, path)
				cmd.Env = []string{"PATH=/usr/bin:/bin"} // all of it open to everybody
				checkRefusal(t, cmd, r)
			})
		}
	})
}

func TestBadArguments(t *testing.T) {
	baseline(t)
	long := strings.Repeat("x", 200_000)
	everywhere(t, func(t *testing.T, set *ns.Set) {
		command := func(change func(*nsenter.Cmd)) *nsenter.Cmd {
			cmd := nsenter.Command(set, "/bin/true")
			change(cmd)
			return cmd
		}
		holdsNUL := func(op, path string) refusal {
			return refusal{errno: unix.EINVAL, stage: nsenter.StageCaller, op: op, path: path, hint: "NUL"}
		}
		for name, test := range map[string]struct {
			cmd  *nsenter.Cmd
			want refusal
		}{
			"NUL in argument":    {nsenter.Command(set, "/bin/true", "a\x00b"), holdsNUL("pass argument", "a\x00b")},
			"NUL in program":     {nsenter.Command(set, "/bin/\x00true"), holdsNUL("find program", "/bin/\x00true")},
			"NUL in environment": {command(func(c *nsenter.Cmd) { c.Env = []string{"A=\x00"} }), holdsNUL("set environment", "A=\x00")},
			"NUL in directory":   {command(func(c *nsenter.Cmd) { c.Dir = "/\x00" }), holdsNUL("enter directory", "/\x00")},
			"no program":         {command(func(c *nsenter.Cmd) { c.Path = "" }), refusal{stage: nsenter.StageCaller}},
			"argument too long": {nsenter.Command(set, "/bin/true", long),
				refusal{errno: unix.E2BIG, stage: nsenter.StagePayload, op: "exec", path: "/bin/true"}},
			"environment too long": {command(func(c *nsenter.Cmd) { c.Env = []string{"A=" + long} }),
				refusal{errno: unix.E2BIG, stage: nsenter.StagePayload, op: "exec", path: "/bin/true"}},
			"far too much": {nsenter.Command(set, "/bin/true", strings.Repeat(long, 100)),
				refusal{errno: unix.E2BIG, stage: nsenter.StageCaller, hint: "too long"}},
			"1025 files": {command(func(c *nsenter.Cmd) { c.ExtraFiles = make([]*os.File, nsenter.MaxTravelling+1-3) }),
				refusal{errno: unix.EINVAL, stage: nsenter.StageCaller, hint: "1024"}},
		} {
			t.Run(name, func(t *testing.T) { checkRefusal(t, test.cmd, test.want) })
		}
	})
}

// A program that is linked dynamically opens files of its own, for which a limit of 1024 has no room.
func TestMostFiles(t *testing.T) {
	if !alone(t) {
		return
	}
	if err := limit(unix.RLIMIT_NOFILE, 2048, 0); err != nil {
		t.Fatal(err)
	}
	baseline(t)
	null, err := os.Open("/dev/null")
	if err != nil {
		t.Fatal(err)
	}
	defer null.Close()
	everywhere(t, func(t *testing.T, set *ns.Set) {
		cmd := nsenter.Command(set, "/bin/sh", "-c", "[ -e /proc/self/fd/9 ] && [ /proc/self/fd/9 -ef /dev/null ]; exec true")
		for range nsenter.MaxTravelling - 3 {
			cmd.ExtraFiles = append(cmd.ExtraFiles, null)
		}
		if err := cmd.Run(); err != nil {
			t.Errorf("%d files: %v", nsenter.MaxTravelling, err)
		}
	})
}

func TestReuse(t *testing.T) {
	baseline(t)
	everywhere(t, func(t *testing.T, set *ns.Set) {
		used := nsenter.Command(set, "/bin/true")
		if err := used.Run(); err != nil {
			t.Fatal(err)
		}
		checkError(t, used.Start(), refusal{path: "/bin/true"})
		if err := used.Wait(); err == nil {
			t.Error("second Wait succeeds")
		}
		failed := nsenter.Command(set, "/no/such/program")
		if err := failed.Start(); err == nil {
			t.Error("/no/such/program is there")
		}
		failed.Path = "/bin/true"
		checkError(t, failed.Start(), refusal{path: "/bin/true"})
	})
}

// Of many Starts at once one is the first.
func TestStartsAtOnce(t *testing.T) {
	baseline(t)
	everywhere(t, func(t *testing.T, set *ns.Set) {
		for range 20 {
			cmd := nsenter.Command(set, "/bin/true")
			var started atomic.Int32
			var all sync.WaitGroup
			for range 4 {
				all.Go(func() {
					if err := cmd.Start(); err == nil {
						started.Add(1)
					} else if !strings.Contains(err.Error(), "already started") {
						t.Error(err)
					}
				})
			}
			all.Wait()
			if n := started.Load(); n != 1 {
				t.Fatalf("%d of 4 have started it", n)
			}
			if err := cmd.Wait(); err != nil {
				t.Error(err)
			}
		}
	})
}

// A set that is closed during Start is either open to all of it or to nothing of it.
func TestSetClosedDuringStart(t *testing.T) {
	baseline(t)
	target := testutil.Target(t, uint64(ns.UTS|ns.PID))
	want := testutil.Namespaces(t, target.PID)["uts"]
	eachMode(t, func(t *testing.T, mode nsenter.JoinMode) {
		for i := range 60 {
			set := setOf(t, target.PID, ns.Type(target.Types))
			closed := make(chan struct{})
			time.AfterFunc(time.Duration(i)*10*time.Microsecond, func() { defer close(closed); set.Close() })
			cmd := nsenter.Command(set, "readlink", "/proc/self/ns/uts")
			cmd.ForceJoin(mode)
			out, err := cmd.Output()
			<-closed
			if err == nil && string(out) != fmt.Sprintf("uts:[%d]\n", want) {
				t.Errorf("payload is in %s, want %d", out, want)
			} else if err != nil && !errors.Is(err, os.ErrClosed) {
				t.Errorf("error is %v", err)
			}
		}
	})
}

func TestClosedSet(t *testing.T) {
	baseline(t)
	target := testutil.Target(t, uint64(ns.UTS|ns.PID))
	for name, open := range map[string]func() (*ns.Set, error){
		"of process": func() (*ns.Set, error) { return ns.OfPID(target.PID, ns.Type(target.Types)) },
		"of handles": func() (*ns.Set, error) {
			handle, err := ns.OpenPID(target.PID, ns.UTS)
			if err != nil {
				return nil, err
			}
			defer handle.Close()
			return ns.NewSet(handle)
		},
	} {
		t.Run(name, func(t *testing.T) {
			set, err := open()
			if err != nil {
				t.Fatal(err)
			}
			set.Close()
			eachMode(t, func(t *testing.T, mode nsenter.JoinMode) {
				cmd := nsenter.Command(set, "/bin/true")
				cmd.ForceJoin(mode)
				checkRefusal(t, cmd, refusal{stage: nsenter.StageCaller, is: os.ErrClosed})
			})
		})
	}
}

func TestClosedFile(t *testing.T) {
	baseline(t)
	file, err := os.Open("/dev/null")
	if err != nil {
		t.Fatal(err)
	}
	file.Close()
	everywhere(t, func(t *testing.T, set *ns.Set) {
		cmd := nsenter.Command(set, "/bin/true")
		cmd.ExtraFiles = []*os.File{file}
		checkRefusal(t, cmd, refusal{stage: nsenter.StageCaller, is: os.ErrClosed, path: "/dev/null"})
		cmd = nsenter.Command(set, "/bin/true")
		cmd.Stdin = file
		checkRefusal(t, cmd, refusal{stage: nsenter.StageCaller, is: os.ErrClosed, path: "/dev/null"})
	})
}
