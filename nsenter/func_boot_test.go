//go:build linux && cgo

package nsenter_test

import (
	"context"
	"errors"
	"fmt"
	"log"
	"os"
	"path/filepath"
	"runtime"
	"strings"
	"testing"
	"time"

	"golang.org/x/sys/unix"

	"nsexec/internal/testutil"
	"nsexec/ns"
	"nsexec/nsenter"
)

// bootPlace is where a payload that boots does what the last part of its directory's name says. There is no other way
// to tell it: its arguments and environment are stage 0's until Init.
const bootPlace = "/nsenter-boot-"

// It runs after the variables, which hold the functions, and before TestMain and so Init.
func init() {
	dir, err := os.Getwd()
	_, how, ok := strings.Cut(dir, bootPlace)
	if err != nil || !ok || nsenter.Available() == nil {
		return
	}
	switch filepath.Base(how) {
	case "fatal":
		log.SetFlags(0)
		log.Fatal(strings.Repeat("x", 5000) + "\x1b[2Jthe last words")
	case "sleep":
		time.Sleep(time.Hour)
	case "use":
		fmt.Fprint(os.Stderr, "in init: ", echo.Command(context.Background(), nil, nil).Start())
		os.Exit(9)
	}
}

// booting is a function's Cmd whose payload does that before Init.
func booting(t *testing.T, how string) *nsenter.Cmd {
	t.Helper()
	base, err := os.MkdirTemp("", bootPlace[1:])
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() { os.RemoveAll(base) })
	cmd := echo.Command(t.Context(), nil, nil)
	cmd.Dir = filepath.Join(base, how)
	if err := os.MkdirAll(cmd.Dir, 0o755); err != nil {
		t.Fatal(err)
	}
	return cmd
}

func TestFuncEndsBeforeInit(t *testing.T) {
	baseline(t)
	err := booting(t, "fatal").Start()
	var e *nsenter.Error
	if !errors.As(err, &e) || e.Stage != nsenter.StagePayload {
		t.Fatalf("error is %T %v", err, err)
	}
	text := err.Error()
	if !strings.Contains(text, "before Init") || !strings.Contains(text, "exit status 1") || !strings.Contains(text, "the last words") {
		t.Errorf("error is %v", err)
	}
	if strings.Contains(text, "\x1b") {
		t.Errorf("it controls the terminal: %q", text)
	}
	if len(text) > 1400 || len(text) < 1000 {
		t.Errorf("error has %d bytes", len(text))
	}
}

// Who reads stderr gets all of it.
func TestFuncEndsBeforeInitAndIsHeard(t *testing.T) {
	cmd := booting(t, "fatal")
	r, w := osPipe(t)
	cmd.Stderr = w
	if err := cmd.Start(); err == nil || !strings.Contains(err.Error(), "exit status 1") {
		t.Errorf("error is %v", err)
	}
	w.Close()
	text := make([]byte, 10000)
	if n, _ := r.Read(text); !strings.HasSuffix(string(text[:n]), "the last words\n") || n < 5000 {
		t.Errorf("stderr has %d bytes", n)
	}
}

func TestFuncHangsBeforeInit(t *testing.T) {
	baseline(t)
	cmd := booting(t, "sleep")
	cmd.StartTimeout = 300 * time.Millisecond
	wantStartTimeout(t, cmd)
}

func wantStartTimeout(t *testing.T, cmd *nsenter.Cmd) {
	t.Helper()
	begun := time.Now()
	wantIs(t, cmd.Start(), os.ErrDeadlineExceeded)
	if took := time.Since(begun); took > cmd.StartTimeout+testutil.Bound(time.Second) { // 0.2 s, and what a busy machine adds
		t.Errorf("Start took %v", took)
	}
	if children := childrenOf(os.Getpid()); len(children) > 0 {
		t.Errorf("left %v", children)
	}
}

func TestFuncCannotBeStartedByInitOfPayload(t *testing.T) {
	err := booting(t, "use").Start()
	if text := fmt.Sprint(err); !strings.Contains(text, "exit status 9") || !strings.Contains(text, "in init: nsenter: unavailable") {
		t.Errorf("error is %v", err)
	}
}

// The Go runtime opens this at boot, to learn the size of huge pages.
const openedAtBoot = "sys/kernel/mm/transparent_hugepage/hpage_pmd_size"

// rootWithFIFO is a root in which the Go runtime hangs when it boots.
func rootWithFIFO(t *testing.T) string {
	t.Helper()
	root := openDir(t)
	fifo := filepath.Join(root, openedAtBoot)
	if err := os.MkdirAll(filepath.Dir(fifo), 0o755); err != nil {
		t.Fatal(err)
	}
	if err := unix.Mkfifo(fifo, 0o666); err != nil {
		t.Fatal(err)
	}
	return root
}

// hanging is a function in such a root.
func hanging(ctx context.Context, root string) (*nsenter.Cmd, error) {
	opened, err := os.Open(root)
	if err != nil {
		return nil, err
	}
	cmd := echo.Command(ctx, nil, nil)
	cmd.Root = opened
	cmd.Unshare = ns.Mount
	if testutil.Who() != testutil.Root {
		cmd.Unshare |= ns.User
		cmd.MapRoot()
	}
	return cmd, nil
}

func init() {
	zoo["hangs at boot"] = func(arg []string) error {
		nsenter.Init() // as main would
		cmd, err := hanging(context.Background(), arg[0])
		if err != nil {
			return err
		}
		return cmd.Start()
	}
}

func TestFuncWhereRuntimeHangs(t *testing.T) {
	baseline(t)
	cmd, err := hanging(t.Context(), rootWithFIFO(t))
	if err != nil {
		t.Fatal(err)
	}
	defer cmd.Root.Close()
	cmd.StartTimeout = 300 * time.Millisecond
	wantStartTimeout(t, cmd)
}

// A caller that dies meanwhile leaves nobody behind.
func TestFuncDiesWithCallerWhereRuntimeHangs(t *testing.T) {
	beSubreaper(t)
	caller := zooCommand("hangs at boot", rootWithFIFO(t))
	caller.Stderr = os.Stderr
	if err := caller.Start(); err != nil {
		t.Fatal(err)
	}
	var payload int
	testutil.Eventually(t, "a payload that boots", func() bool {
		for _, pid := range childrenOf(caller.Process.Pid) {
			if comm, _ := os.ReadFile(fmt.Sprintf("/proc/%d/comm", pid)); string(comm) == "nsexec:function\n" {
				payload = pid
			}
		}
		return payload != 0
	})
	_ = caller.Process.Kill()
	_ = caller.Wait()
	testutil.Eventually(t, "the payload's end", func() bool { return testutil.IsGone(payload) })
	_, _ = unix.Wait4(payload, nil, 0, nil)
}

var goMaxProcs = nsenter.Register("GOMAXPROCS", func(context.Context, struct{}) (int, error) {
	return runtime.GOMAXPROCS(0), nil
})

// What Go reads before a function can be told its environment is the caller's.
func TestFuncBootsAsItsCaller(t *testing.T) {
	t.Setenv("GOMAXPROCS", "3")
	if n, err := goMaxProcs.Call(t.Context(), nil, struct{}{}); n != 3 || err != nil {
		t.Errorf("GOMAXPROCS is %d, %v", n, err)
	}
}

// Before READY it is forged, or too early: there is no payload yet that could go on.
func TestBootedBeforeReady(t *testing.T) {
	checkError(t, nsenter.StartHearingBooted(), refusal{
		errno: unix.EPROTO, stage: nsenter.StagePayload, op: "start payload", hint: "out of turn"})
}
