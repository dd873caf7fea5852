//go:build linux && cgo

package nsenter_test

import (
	"bytes"
	"encoding/binary"
	"errors"
	"fmt"
	"io"
	"math/rand/v2"
	"os"
	"os/exec"
	"strings"
	"testing"
	"time"

	"golang.org/x/sys/unix"

	"nsexec/nsenter"
)

// A stage0 is one that the test has started in the library's place.
type stage0 struct {
	cmd    *exec.Cmd
	stdout bytes.Buffer
	socket *os.File
}

func startStage0(t *testing.T) *stage0 {
	t.Helper()
	return startNamed(t, nsenter.Stage0Name)
}

func startNamed(t *testing.T, name string) *stage0 {
	t.Helper()
	ours, theirs := socketPair(t, unix.SOCK_STREAM)
	s := &stage0{cmd: exec.Command(zooBinary), socket: ours}
	s.cmd.Args = []string{name}
	s.cmd.Env = []string{zooVariable + "=report", nsenter.PipeVariable + "=3"}
	s.cmd.ExtraFiles = []*os.File{theirs}
	s.cmd.Stdout, s.cmd.Stderr = &s.stdout, &s.stdout
	if err := s.cmd.Start(); err != nil {
		t.Fatal(err)
	}
	theirs.Close()
	return s
}

// send sends a message with n fds, and says that nothing follows. Stage 0 may be gone before it has read all.
func (s *stage0) send(t *testing.T, message []byte, n int) {
	t.Helper()
	var oob []byte
	if n > 0 {
		oob = unix.UnixRights(make([]int, n)...) // stdin, n times
	}
	sent, err := unix.SendmsgN(int(s.socket.Fd()), message, oob, nil, unix.MSG_NOSIGNAL)
	if err != nil && !errors.Is(err, unix.EPIPE) && !errors.Is(err, unix.ECONNRESET) {
		t.Fatalf("send %d of %d bytes: %v", sent, len(message), err)
	}
	_ = unix.Shutdown(int(s.socket.Fd()), unix.SHUT_WR)
}

// end returns what stage 0 said. It must end by itself, not by a signal, and main must not have run.
func (s *stage0) end(t *testing.T) []byte {
	t.Helper()
	stuck := time.AfterFunc(10*time.Second, func() { _ = s.cmd.Process.Kill() })
	defer stuck.Stop()
	replies, err := io.ReadAll(s.socket)
	if err != nil && !errors.Is(err, unix.ECONNRESET) {
		t.Error(err)
	}
	_ = s.cmd.Wait()
	if s.stdout.Len() > 0 {
		t.Errorf("main ran, and said %s", s.stdout.Bytes())
	}
	if code := s.cmd.ProcessState.ExitCode(); code != 1 {
		t.Errorf("stage 0: %v, want exit status 1", s.cmd.ProcessState)
	}
	return replies
}

// Offsets in the request's header, and its size.
const (
	atMagic, atSize, atTotal, atFlags               = 0, 4, 8, 12
	atNFDs, atNFiles, atNGroups, atArgc             = 16, 20, 24, 28
	atEnvc, atNJoins, atPIDFD, atRoot, atCwd        = 32, 36, 40, 44, 48
	atInput, atOutput                               = 52, 56
	atDeathSignal, atHere                           = 80, 84
	atCreate, atNLimits, atNCPUs                    = 88, 112, 116
	atJoins, headerSize                             = 120, 120 + 40*24
	inJoinType, inJoinFD, inJoinReserved            = 0, 16, 20
	minusTwo, mostNegative, all32            uint32 = 0xfffffffe, 1 << 31, 0xffffffff
)

// request is a well-formed one, that two fds travel with.
func request(t *testing.T) []byte {
	t.Helper()
	message, err := nsenter.RequestMessage([]string{"/bin/sh", "-c", "exit 42"}, 2, 0, 1, -1)
	if err != nil {
		t.Fatal(err)
	}
	return message
}

// with returns a request with 32-bit words replaced: offset, value, offset, value.
func with(t *testing.T, words ...uint32) []byte {
	t.Helper()
	message := request(t)
	for i := 0; i < len(words); i += 2 {
		binary.NativeEndian.PutUint32(message[words[i]:], words[i+1])
	}
	return message
}

// The payload is ready, but end of file is not GO: it is never executed.
func TestRequestThatIsFine(t *testing.T) {
	s := startStage0(t)
	s.send(t, request(t), 2)
	if replies := s.end(t); !nsenter.IsReady(replies) {
		t.Errorf("stage 0 said %q instead of READY", replies)
	}
}

func TestMalformedRequests(t *testing.T) {
	strings0 := uint32(headerSize + 3*4) // behind the indices of the files
	for name, words := range map[string][]uint32{
		"magic": {atMagic, 0}, "size": {atSize, 0}, "size, larger": {atSize, headerSize + 8},
		"flag": {atFlags, all32}, "unknown namespace": {atCreate + 4, 1},
		"total 0": {atTotal, 0}, "total too small": {atTotal, headerSize - 1}, "total huge": {atTotal, all32},
		"total over limit": {atTotal, 16<<20 + 1}, "total without body": {atTotal, headerSize},
		"total one short":  {atTotal, uint32(len(request(t)) - 1)},
		"files over limit": {atNFDs, nsenter.MaxTravelling + 1}, "files huge": {atNFDs, all32},
		"payload's files huge": {atNFiles, all32}, "payload's files over limit": {atNFiles, nsenter.MaxTravelling + 1},
		"more files than sent": {atNFDs, 3}, "fewer files than sent": {atNFDs, 1},
		"payload's files beyond end": {atNFiles, nsenter.MaxTravelling}, "groups over limit": {atNGroups, 65537},
		"groups huge": {atNGroups, all32}, "groups beyond end": {atNGroups, 65536},
		"limits over limit": {atNLimits, 17}, "limits beyond end": {atNLimits, 16}, "limits huge": {atNLimits, all32},
		"processors over limit": {atNCPUs, 1025}, "processors beyond end": {atNCPUs, 1024}, "processors huge": {atNCPUs, all32},
		"here too high": {atHere, 2}, "here negative": {atHere, minusTwo},
		"no argument": {atArgc, 0}, "arguments huge": {atArgc, all32}, "one argument more": {atArgc, 4},
		"environment huge": {atEnvc, all32}, "sum overflows": {atArgc, 1 << 31, atEnvc, 1 << 31},
		"fewer strings": {atEnvc, 1}, "joins over limit": {atNJoins, 41}, "joins huge": {atNJoins, all32},
		"join of nothing":      {atNJoins, 1},
		"join of two types":    {atNJoins, 1, atJoins + inJoinType, 0x60000000},
		"join of no type":      {atNJoins, 1, atJoins + inJoinType + 4, 1},
		"join without handle":  {atNJoins, 1, atJoins + inJoinType, 0x40000000, atJoins + inJoinFD, all32},
		"join of handle 2":     {atNJoins, 1, atJoins + inJoinType, 0x40000000, atJoins + inJoinFD, 2},
		"join of handle -2":    {atNJoins, 1, atJoins + inJoinType, 0x40000000, atJoins + inJoinFD, minusTwo},
		"join of both":         {atNJoins, 1, atJoins + inJoinType, 0x40000000, atPIDFD, 0},
		"reserved in join":     {atNJoins, 1, atJoins + inJoinType, 0x40000000, atJoins + inJoinReserved, 1},
		"signal out of range":  {atDeathSignal, 129},
		"signal negative":      {atDeathSignal, all32},
		"pidfd 2":              {atPIDFD, 2},
		"pidfd -2":             {atPIDFD, minusTwo},
		"root 2":               {atRoot, 2},
		"root most negative":   {atRoot, mostNegative},
		"cwd largest":          {atCwd, mostNegative - 1},
		"input 2":              {atInput, 2},
		"output -2":            {atOutput, minusTwo},
		"file 2":               {headerSize, 2},
		"file -2":              {headerSize + 4, minusTwo},
		"string huge":          {strings0, all32},
		"string beyond end":    {strings0, 1 << 20},
		"string one too long":  {strings0, uint32(len("/bin/sh") + 1)},
		"string one too short": {strings0, uint32(len("/bin/sh") - 1)},
		"string with NUL":      {strings0 + 4, 0},
	} {
		t.Run(name, func(t *testing.T) { checkRefused(t, with(t, words...), 2) })
	}
	t.Run("bytes after end", func(t *testing.T) {
		message := append(request(t), "tail"...)
		binary.NativeEndian.PutUint32(message[atTotal:], uint32(len(message)))
		checkRefused(t, message, 2)
	})
	t.Run("no files", func(t *testing.T) { checkRefused(t, request(t), 0) })
	t.Run("one file", func(t *testing.T) { checkRefused(t, request(t), 1) })
}

// checkRefused: stage 0 says why.
func checkRefused(t *testing.T, message []byte, fds int) {
	t.Helper()
	s := startStage0(t)
	s.send(t, message, fds)
	reply := s.end(t)
	e, err := nsenter.ReplyError(reply)
	if err != nil {
		t.Fatalf("stage 0 said %q: %v", reply, err)
	}
	if e.Stage != nsenter.Stage0 || e.Errno != unix.EPROTO || !strings.HasPrefix(e.Hint, "malformed request: ") {
		t.Errorf("error is %+v", e)
	}
}

func TestTruncatedRequests(t *testing.T) {
	whole := request(t)
	for _, n := range []int{0, 1, 4, 64, headerSize - 1, headerSize, headerSize + 1, len(whole) - 1} {
		s := startStage0(t)
		s.send(t, whole[:n], min(n, 2)) // without a byte no fd travels
		e, err := nsenter.ReplyError(s.end(t))
		if err != nil || e.Op != "receive request" || e.Errno != unix.ECONNRESET {
			t.Errorf("to %d of %d bytes stage 0 said %+v (%v)", n, len(whole), e, err)
		}
	}
}

// What is damaged at random may be well-formed still; but nothing crashes, and without GO nothing is executed.
func TestDamagedRequests(t *testing.T) {
	const seed = 5
	random := rand.New(rand.NewPCG(seed, seed))
	n := 300
	if testing.Short() {
		n = 50
	}
	for i := range n {
		message := request(t)
		what := ""
		for range 1 + random.IntN(3) {
			at, b := random.IntN(len(message)), byte(random.Uint32())
			message[at] = b
			what += fmt.Sprintf(" %d=%#x", at, b)
		}
		message[atFlags] &^= 1 << 1    // NSENTER_F_FORK and
		message[atCreate+3] &^= 1 << 5 // CLONE_NEWPID: a clone that nobody here knows how to reap
		s := startStage0(t)
		s.send(t, message, 2)
		s.end(t)
		if t.Failed() {
			t.Fatalf("seed %d, round %d, bytes%s", seed, i, what)
		}
	}
	for _, garbage := range [][]byte{[]byte("GET / HTTP/1.1\r\n\r\n"), make([]byte, 4096), bytes.Repeat([]byte{0xff}, 1<<16)} {
		s := startStage0(t)
		s.send(t, garbage, 0)
		s.end(t)
	}
}
