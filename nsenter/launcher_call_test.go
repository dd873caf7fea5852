//go:build linux && cgo

package nsenter_test

import (
	"bytes"
	"errors"
	"io"
	"math/rand/v2"
	"os"
	"os/exec"
	"testing"
	"time"

	"golang.org/x/sys/unix"

	"nsexec/internal/testutil"
	"nsexec/nsenter"
)

// A rawLauncher is one that the test has started in the library's place, or its workers.
type rawLauncher struct {
	*stage0
	workers bool
	calls   *os.File // where it, or they, are called
}

// everyRawLauncher runs a test with the launcher itself, and with its workers if the build has any: one with a sanitizer
// has none.
func everyRawLauncher(t *testing.T, test func(t *testing.T, l *rawLauncher)) {
	with := func(name string, workers bool) {
		t.Run(name, func(t *testing.T) {
			baseline(t)
			test(t, startRawLauncher(t, workers))
		})
	}
	with("itself", false)
	if nsenter.Workers(newLauncher(t)) > 0 {
		with("workers", true)
	}
}

func startRawLauncher(t *testing.T, workers bool) *rawLauncher {
	t.Helper()
	l := &rawLauncher{stage0: startNamed(t, nsenter.LauncherName), workers: workers}
	l.calls = l.socket
	t.Cleanup(func() { l.end(t) })
	ours, theirs := socketPair(t, unix.SOCK_SEQPACKET)
	l.send(t, nsenter.CallMessage(nsenter.CallStartWorkers, 1), int(theirs.Fd()))
	theirs.Close()
	if workers {
		l.calls = ours
	}
	if reply := readReply(t, l.socket); !nsenter.IsServing(reply) {
		t.Fatalf("launcher said %q instead of SERVING", reply)
	}
	return l
}

func readReply(t *testing.T, socket *os.File) []byte {
	t.Helper()
	reply := make([]byte, nsenter.ReplySize)
	_ = unix.SetsockoptTimeval(int(socket.Fd()), unix.SOL_SOCKET, unix.SO_RCVTIMEO, &unix.Timeval{Sec: 10})
	if n, err := io.ReadFull(socket, reply); err != nil {
		t.Fatalf("after %d bytes of a reply: %v", n, err)
	}
	return reply
}

// end closes the socket, at which the launcher exits with status 0; main has not run.
func (l *rawLauncher) end(t *testing.T) {
	t.Helper()
	l.socket.Close()
	l.calls.Close()
	stuck := time.AfterFunc(10*time.Second, func() { _ = l.cmd.Process.Kill() })
	defer stuck.Stop()
	if err := l.cmd.Wait(); err != nil || l.stdout.Len() > 0 {
		t.Errorf("launcher: %v, and it said %q", err, l.stdout.Bytes())
	}
}

// send sends a call, and waits until it has been read: what is malformed ends where it was cut.
func (l *rawLauncher) send(t *testing.T, message []byte, fds ...int) {
	t.Helper()
	var oob []byte
	if len(fds) > 0 {
		oob = unix.UnixRights(fds...)
	}
	fd := int(l.calls.Fd())
	if _, err := unix.SendmsgN(fd, message, oob, nil, unix.MSG_NOSIGNAL); err != nil {
		t.Fatalf("send call: %v", err)
	}
	testutil.Eventually(t, "call read", func() bool {
		queued, err := unix.IoctlGetInt(fd, unix.TIOCOUTQ)
		return err == nil && queued == 0
	})
}

// serves makes a call that is well-formed. What it starts gets its request, says READY, and ends without GO.
func (l *rawLauncher) serves(t *testing.T) {
	t.Helper()
	if reply := l.answer(t, request(t), 2); !nsenter.IsReady(reply) {
		t.Errorf("stage 0 said %q instead of READY", reply)
	}
	l.holdsNothing(t)
}

// call is a well-formed one.
func (l *rawLauncher) call(nfds int) []byte {
	if l.workers {
		return nsenter.CallMessage(nsenter.CallWorker, nfds)
	}
	return nsenter.CallMessage(nsenter.CallClone, nfds)
}

// answer is what a stage 0 of the launcher's says to a request. It is gone then.
func (l *rawLauncher) answer(t *testing.T, request []byte, fds int) []byte {
	t.Helper()
	ours, theirs := socketPair(t, unix.SOCK_STREAM)
	if err := unix.SetsockoptInt(int(ours.Fd()), unix.SOL_SOCKET, unix.SO_PASSCRED, 1); err != nil {
		t.Fatal(err)
	}
	l.send(t, l.call(1), int(theirs.Fd()))
	theirs.Close()
	pid := 0
	if !l.workers {
		pid = clonedPID(t, ours)
	}
	s := &stage0{socket: ours}
	s.send(t, request, fds)
	reply, sender := readReplyFrom(t, ours)
	if l.workers {
		pid = sender
	}
	ours.Close()
	var status unix.WaitStatus
	if _, err := unix.Wait4(pid, &status, 0, nil); err != nil || status.ExitStatus() != 1 { // it is our child, not the launcher's
		t.Errorf("stage 0: %v, %#x", err, status)
	}
	return reply
}

// readReplyFrom also tells who has sent it.
func readReplyFrom(t *testing.T, socket *os.File) (reply []byte, pid int) {
	t.Helper()
	reply, oob := make([]byte, nsenter.ReplySize), make([]byte, unix.CmsgSpace(unix.SizeofUcred))
	n, _, _, _, err := unix.Recvmsg(int(socket.Fd()), reply, oob, unix.MSG_WAITALL)
	for errors.Is(err, unix.EINTR) {
		n, _, _, _, err = unix.Recvmsg(int(socket.Fd()), reply, oob, unix.MSG_WAITALL)
	}
	if err != nil || n < len(reply) {
		t.Fatalf("%d bytes of a reply, %v", n, err)
	}
	messages, err := unix.ParseSocketControlMessage(oob)
	if err != nil {
		t.Fatal(err)
	}
	from, err := unix.ParseUnixCredentials(&messages[0])
	if err != nil {
		t.Fatal(err)
	}
	return reply, int(from.Pid)
}

func clonedPID(t *testing.T, socket *os.File) int {
	t.Helper()
	pid, err := nsenter.ClonedPID(readReply(t, socket))
	if err != nil {
		t.Fatal(err)
	}
	return pid
}

// holdsNothing: of all that it was sent, the launcher has kept no file. Others may not look.
func (l *rawLauncher) holdsNothing(t *testing.T) {
	t.Helper()
	if testutil.Who() == testutil.User {
		return
	}
	testutil.Eventually(t, "only sockets left", func() bool {
		return holdsSocketsOnly(t, l.cmd.Process.Pid)
	})
}

func TestLauncherSurvivesMalformedCalls(t *testing.T) { everyRawLauncher(t, survivesMalformedCalls) }

func survivesMalformedCalls(t *testing.T, l *rawLauncher) {
	l.serves(t)
	wrongMagic := l.call(1)
	wrongMagic[0]++
	otherKind := nsenter.CallMessage(99, 1)
	null, err := os.Open(os.DevNull)
	if err != nil {
		t.Fatal(err)
	}
	defer null.Close()
	many := make([]int, 253) // all that one message can carry
	for i := range many {
		many[i] = int(null.Fd())
	}
	for name, call := range map[string]struct {
		message []byte
		fds     []int
	}{
		"one byte":            {message: []byte{1}},
		"short":               {message: l.call(1)[:7], fds: many[:1]},
		"no file":             {message: l.call(1)},
		"no file, none said":  {message: l.call(0)},
		"two files":           {message: l.call(2), fds: many[:2]},
		"more than said":      {message: l.call(1), fds: many[:3]},
		"fewer than said":     {message: l.call(3), fds: many[:1]},
		"four files":          {message: l.call(4), fds: many[:4]},
		"as many as there go": {message: l.call(253), fds: many},
		"wrong magic":         {message: wrongMagic, fds: many[:1]},
		"of another kind":     {message: otherKind, fds: many[:1]},
		"garbage":             {message: []byte("GET / HTTP/1.1\r\n\r\n")},
		"much garbage":        {message: bytes.Repeat([]byte{0xff}, 1<<16)},
		"much, with files":    {message: make([]byte, 1<<16), fds: many},
	} {
		t.Run(name, func(t *testing.T) {
			l.send(t, call.message, call.fds...)
			l.serves(t)
		})
	}
}

// A stage 0 of a launcher's refuses what any other would.
func TestLauncherSurvivesMalformedRequests(t *testing.T) {
	everyRawLauncher(t, survivesMalformedRequests)
}

func survivesMalformedRequests(t *testing.T, l *rawLauncher) {
	for name, words := range map[string][]uint32{
		"magic": {atMagic, 0}, "size": {atSize, headerSize + 8}, "flag": {atFlags, all32}, "files": {atNFDs, 3},
		"processors": {atNCPUs, 1024}, "limits": {atNLimits, 17}, "here": {atHere, 2}, "join of nothing": {atNJoins, 1},
	} {
		t.Run(name, func(t *testing.T) {
			e, err := nsenter.ReplyError(l.answer(t, with(t, words...), 2))
			if err != nil || e.Stage != nsenter.Stage0 || e.Errno != unix.EPROTO {
				t.Errorf("stage 0 said %+v (%v)", e, err)
			}
			l.serves(t)
		})
	}
}

// What is well-formed, but no socket or no pid namespace: there is nobody to tell, or it is told.
func TestLauncherSurvivesWrongFiles(t *testing.T) { everyRawLauncher(t, survivesWrongFiles) }

func survivesWrongFiles(t *testing.T, l *rawLauncher) {
	ours, theirs := socketPair(t, unix.SOCK_STREAM)
	l.send(t, l.call(3), int(theirs.Fd()), 0, 0)
	var e *nsenter.Error
	if _, err := nsenter.ClonedPID(readReply(t, ours)); !errors.As(err, &e) || e.Stage != nsenter.StageLauncher || e.Op != "join" {
		t.Errorf("a file for a pid namespace: %v", err)
	}
	l.serves(t)
}

func TestLauncherSurvivesRandomCalls(t *testing.T) { everyRawLauncher(t, survivesRandomCalls) }

func survivesRandomCalls(t *testing.T, l *rawLauncher) {
	const seed = 5
	random := rand.New(rand.NewPCG(seed, seed))
	for range 200 {
		message := make([]byte, 1+random.IntN(16))
		for i := range message {
			message[i] = byte(random.Uint32())
		}
		l.send(t, message, make([]int, random.IntN(5))...)
	}
	l.serves(t)
}

// Files that it has no room for are dropped by the kernel, and so is their call (MSG_CTRUNC).
func TestLauncherSurvivesTooManyFiles(t *testing.T) { everyRawLauncher(t, survivesTooManyFiles) }

func survivesTooManyFiles(t *testing.T, l *rawLauncher) {
	var few unix.Rlimit
	err := unix.Getrlimit(unix.RLIMIT_NOFILE, &few)
	few.Cur = 20
	if err := errors.Join(err, unix.Prlimit(l.cmd.Process.Pid, unix.RLIMIT_NOFILE, &few, nil)); err != nil {
		t.Fatal(err)
	}
	l.send(t, l.call(253), make([]int, 253)...)
	l.serves(t)
}

// One that is not the caller's child does nothing, and main does not run either.
func TestLauncherWithoutCaller(t *testing.T) {
	for name, env := range map[string][]string{
		"no variable": nil, "no socket": {nsenter.PipeVariable + "=0"}, "no number": {nsenter.PipeVariable + "=x"},
	} {
		t.Run(name, func(t *testing.T) {
			var out bytes.Buffer
			cmd := exec.Command(zooBinary)
			cmd.Args = []string{nsenter.LauncherName}
			cmd.Env = append(env, zooVariable+"=report")
			cmd.Stdout, cmd.Stderr = &out, &out
			if err := cmd.Run(); err == nil || cmd.ProcessState.ExitCode() < 65 || out.Len() > 0 {
				t.Errorf("%v, said %q", cmd.ProcessState, out.Bytes())
			}
		})
	}
}
