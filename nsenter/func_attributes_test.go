//go:build linux && cgo

package nsenter_test

import (
	"bytes"
	"context"
	"fmt"
	"io"
	"os"
	"slices"
	"strings"
	"testing"

	"nsexec/internal/testutil"
	"nsexec/ns"
	"nsexec/nsenter"
)

// useStreams copies stdin to stdout, fd 3 to fd 4, and its input to stderr.
var useStreams = nsenter.NewFunc("use streams", func(_ context.Context, in []byte) ([]byte, error) {
	fmt.Fprintf(os.Stderr, "input is %s\n", in)
	if _, err := io.Copy(os.Stdout, os.Stdin); err != nil {
		return nil, err
	}
	_, err := io.Copy(os.NewFile(4, "second extra"), os.NewFile(3, "first extra"))
	return nil, err
})

var quoteArgs = nsenter.NewFunc("quote args", func(context.Context, []byte) ([]byte, error) {
	return fmt.Appendf(nil, "%q %q", os.Args, os.Environ()), nil
})

func TestFuncHasCommandsEnvironment(t *testing.T) {
	cmd := tellingWhere(t)
	cmd.Env = []string{"A=1", "A=2", "EMPTY=", "B=x=y"}
	cmd.Args = []string{"name", "-flag", "", "two\nlines"}
	w := where(t, cmd)
	if !slices.Equal(w.Env, []string{"A=2", "EMPTY=", "B=x=y"}) || !slices.Equal(w.Args, cmd.Args) {
		t.Errorf("environment %q, arguments %q", w.Env, w.Args)
	}
}

// Arguments and environment need not be UTF-8.
func TestFuncHasAnyBytes(t *testing.T) {
	cmd := quoteArgs.Command(t.Context(), nil, nil)
	cmd.Env = []string{"A=\xff\xfe\u2028<"}
	cmd.Args = []string{"\xc3\x28"}
	if out := resultOf(t, cmd); string(out) != fmt.Sprintf("%q %q", cmd.Args, cmd.Env) {
		t.Errorf("it has %s", out)
	}
	cmd = quoteArgs.Command(t.Context(), nil, nil)
	cmd.Env = []string{}
	if out := resultOf(t, cmd); string(out) != `["quote args"] []` {
		t.Errorf("it has %s", out)
	}
}

func TestFuncInheritsEnvironment(t *testing.T) {
	t.Setenv("NSENTER_TEST_INHERITED", "yes")
	w := where(t, tellingWhere(t))
	if !slices.Contains(w.Env, "NSENTER_TEST_INHERITED=yes") || !slices.Equal(w.Args, []string{"tell where"}) {
		t.Errorf("environment %q, arguments %q", w.Env, w.Args)
	}
	for _, kv := range w.Env {
		if strings.HasPrefix(kv, nsenter.PipeVariable) {
			t.Errorf("environment has %s", kv)
		}
	}
}

func TestFuncStartsInDirectory(t *testing.T) {
	dir := openDir(t)
	cmd := tellingWhere(t)
	cmd.Dir = dir
	if w := where(t, cmd); w.Dir != dir {
		t.Errorf("directory is %q, want %q", w.Dir, dir)
	}
	opened, err := os.Open(dir)
	if err != nil {
		t.Fatal(err)
	}
	defer opened.Close()
	cmd = tellingWhere(t)
	cmd.WorkDir = opened
	if w := where(t, cmd); w.Dir != dir {
		t.Errorf("directory is %q, want %q", w.Dir, dir)
	}
}

func TestFuncHasStreams(t *testing.T) {
	everywhere(t, func(t *testing.T, set *ns.Set) {
		cmd := useStreams.Command(t.Context(), set, []byte("this"))
		text := strings.Repeat("stream ", 50_000)
		var stdout, stderr bytes.Buffer
		cmd.Stdin, cmd.Stdout, cmd.Stderr = strings.NewReader(text), &stdout, &stderr
		in, theirOut := osPipe(t)
		ours, out := osPipe(t)
		cmd.ExtraFiles = []*os.File{in, out}
		fmt.Fprint(theirOut, "extra")
		theirOut.Close()
		resultOf(t, cmd)
		out.Close()
		extra, err := io.ReadAll(ours)
		if stdout.String() != text || stderr.String() != "input is this\n" || string(extra) != "extra" || err != nil {
			t.Errorf("stdout %d bytes, stderr %q, extra %q %v", stdout.Len(), stderr.String(), extra, err)
		}
	})
}

func osPipe(t *testing.T) (r, w *os.File) {
	t.Helper()
	r, w, err := os.Pipe()
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() { r.Close(); w.Close() })
	return r, w
}

// Output's stdout is the function's own, beside its result.
func TestFuncOutput(t *testing.T) {
	cmd := useStreams.Command(t.Context(), nil, nil)
	cmd.Stdin = strings.NewReader("said")
	devNull, err := os.OpenFile(os.DevNull, os.O_RDWR, 0)
	if err != nil {
		t.Fatal(err)
	}
	defer devNull.Close()
	cmd.ExtraFiles = []*os.File{devNull, devNull}
	if out, err := cmd.Output(); string(out) != "said" || err != nil {
		t.Errorf("output is %q, %v", out, err)
	}
}

func TestFuncInNewNamespaces(t *testing.T) {
	cmd := tellingWhere(t)
	cmd.Unshare = ns.All
	cmd.MapRoot()
	cmd.New.Hostname = "inside"
	w := where(t, cmd)
	if w.Hostname != "inside" || w.UID != 0 || w.GID != 0 || w.PID != 1 {
		t.Errorf("host name %q, uid %d, gid %d, pid %d", w.Hostname, w.UID, w.GID, w.PID)
	}
	for name, inode := range testutil.Namespaces(t, os.Getpid()) {
		if w.Inodes[name] == inode {
			t.Errorf("%s namespace is ours", name)
		}
	}
}

// An init in front of a function reaps it, and ends as it does.
func TestFuncBelowInit(t *testing.T) {
	cmd := tellingWhere(t)
	cmd.Unshare = ns.User | ns.PID
	cmd.MapRoot()
	cmd.Init = true
	if w := where(t, cmd); w.PID != 2 || w.PPID != 1 {
		t.Errorf("pid %d, parent %d", w.PID, w.PPID)
	}
}

func TestFuncCredential(t *testing.T) {
	testutil.NeedRoot(t)
	cmd := tellingWhere(t)
	cmd.Credential = &nsenter.Credential{UID: 4711, GID: 4712, Groups: []int{4713, 4714}}
	w := where(t, cmd)
	if w.UID != 4711 || w.GID != 4712 || !slices.Equal(w.Groups, []int{4713, 4714}) {
		t.Errorf("uid %d, gid %d, groups %v", w.UID, w.GID, w.Groups)
	}
}

func TestFuncWaitsForBeforeExec(t *testing.T) {
	ran := false
	cmd := tellingWhere(t)
	cmd.BeforeExec = func(pid int) error {
		ran = pid == cmd.Process.Pid
		return nil
	}
	if w := where(t, cmd); !ran || w.PID != cmd.Process.Pid {
		t.Errorf("BeforeExec ran: %v; pid %d, want %d", ran, w.PID, cmd.Process.Pid)
	}
}

func TestFuncBeforeExecFails(t *testing.T) {
	baseline(t)
	cmd := tellingWhere(t)
	cmd.BeforeExec = func(int) error { return io.ErrNoProgress }
	wantIs(t, cmd.Run(), io.ErrNoProgress)
}
