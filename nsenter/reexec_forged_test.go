//go:build linux && cgo

package nsenter_test

import (
	"encoding/binary"
	"fmt"
	"math/rand/v2"
	"os"
	"os/exec"
	"strconv"
	"strings"
	"syscall"
	"testing"

	"golang.org/x/sys/unix"

	"nsexec/internal/testutil"
	"nsexec/ns"
	"nsexec/nsenter"
)

const (
	allSeals   = unix.F_SEAL_SEAL | unix.F_SEAL_SHRINK | unix.F_SEAL_GROW | unix.F_SEAL_WRITE
	moveHeader = 16 + 40*4 // the size of what stands in front of a request
)

// forgeries are memfds that the variable may name, made of one that is good, and the seals that they have.
var forgeries = map[string]func(good []byte) (message []byte, seals int){
	"good":              func(good []byte) ([]byte, int) { return good, allSeals },
	"not sealed":        func(good []byte) ([]byte, int) { return good, 0 },
	"open to writes":    func(good []byte) ([]byte, int) { return good, allSeals &^ unix.F_SEAL_WRITE },
	"open to growth":    func(good []byte) ([]byte, int) { return good, allSeals &^ unix.F_SEAL_GROW },
	"seals to come":     func(good []byte) ([]byte, int) { return good, allSeals &^ unix.F_SEAL_SEAL },
	"empty":             func([]byte) ([]byte, int) { return nil, allSeals },
	"cut in the header": func(good []byte) ([]byte, int) { return good[:moveHeader-1], allSeals },
	"magic":             forgedWord(0, 1),
	"size":              forgedWord(4, 1),
	"another's pid":     forgedWord(8, 1),
	"no pid":            forgedWord(8, 0),

	"no request":      func(good []byte) ([]byte, int) { return good[:moveHeader], allSeals },
	"cut":             func(good []byte) ([]byte, int) { return good[:len(good)-1], allSeals },
	"request's magic": forgedWord(moveHeader+atMagic, 0),
	"total 0":         forgedWord(moveHeader+atTotal, 0),
	"total huge":      forgedWord(moveHeader+atTotal, all32),
	"total too large": forgedWord(moveHeader+atTotal, 1<<20),
	"unknown flags":   forgedWord(moveHeader+atFlags, all32),
	"files huge":      forgedWord(moveHeader+atNFDs, all32),
	"files too many":  forgedWord(moveHeader+atNFDs, 41),
	"arguments huge":  forgedWord(moveHeader+atArgc, all32),
	"joins huge":      forgedWord(moveHeader+atNJoins, all32),
	"join of nothing": forgedWord(moveHeader+atNJoins, 1),
	"new user":        forgedWord(moveHeader+atCreate, unix.CLONE_NEWUSER),
	"new pid":         forgedWord(moveHeader+atCreate, unix.CLONE_NEWPID),
	"new time":        forgedWord(moveHeader+atCreate, unix.CLONE_NEWTIME),

	"closed handle": func([]byte) ([]byte, int) { return forgedJoin(12345) },
	"no handle":     func([]byte) ([]byte, int) { return forgedJoin(-1) },
	"wrong handle":  func([]byte) ([]byte, int) { return forgedJoin(0) },
}

func forgedWord(at int, value uint32) func(good []byte) ([]byte, int) {
	return func(good []byte) ([]byte, int) {
		binary.NativeEndian.PutUint32(good[at:], value)
		return good, allSeals
	}
}

func forgedJoin(fd int) ([]byte, int) {
	message, _ := nsenter.MoveMessage(os.Getpid(), []int{fd}, ns.UTS)
	return message, allSeals
}

// damaged is a good one with some bytes replaced, by a seed.
func damaged(good []byte, seed string) ([]byte, int) {
	n, _ := strconv.ParseUint(seed, 10, 64)
	random := rand.New(rand.NewPCG(n, n))
	for range 1 + random.IntN(3) {
		good[16+random.IntN(len(good)-16)] = byte(random.Uint32())
	}
	clear(good[moveHeader+68 : moveHeader+72]) // the propagation: any mount(2) with any flags
	return good, allSeals
}

func init() {
	// forges executes a program with such a memfd as "forged", which says what it makes of it.
	zoo["forges"] = func(arg []string) error {
		good, err := nsenter.MoveMessage(os.Getpid(), nil)
		if err != nil {
			return err
		}
		forge := forgeries[arg[0]]
		if forge == nil {
			forge = func(good []byte) ([]byte, int) { return damaged(good, arg[0]) }
		}
		message, seals := forge(good)
		fd, err := unix.MemfdCreate("forged", unix.MFD_ALLOW_SEALING)
		if err != nil {
			return err
		}
		if _, err := unix.Write(fd, message); err != nil {
			return err
		}
		if _, err := unix.FcntlInt(uintptr(fd), unix.F_ADD_SEALS, seals); err != nil {
			return err
		}
		os.Setenv(zooVariable, "forged")
		return syscall.Exec(arg[1], arg[2:], append(os.Environ(), fmt.Sprintf("%s=%d", nsenter.PipeVariable, fd)))
	}
	zoo["forged"] = func([]string) error {
		variable := os.Getenv(nsenter.PipeVariable) != ""
		fmt.Printf("moved: %v, variable: %v, error: %v\n", nsenter.Reexeced(), variable, nsenter.MoveFailure())
		return nil
	}
}

func forging(name, binary, argv0 string) *exec.Cmd {
	cmd := exec.Command(zooBinary, name, binary, argv0)
	cmd.Env = zooEnv("forges")
	cmd.Dir = "/"
	return cmd
}

// What is no request of this very process is no request at all; what is one but cannot be met is an error. Main runs
// once.
func TestForgedMoves(t *testing.T) {
	const (
		inert  = "moved: false, variable: true, error: <nil>\n"
		failed = "moved: false, variable: false, error: nsenter: "
	)
	for name := range forgeries {
		t.Run(name, func(t *testing.T) {
			out, err := forging(name, zooBinary, "forged").CombinedOutput()
			got := string(out)
			if err != nil || strings.Count(got, "\n") != 1 {
				t.Fatalf("%v, %s", err, got)
			}
			switch name {
			case "good":
				if got != "moved: true, variable: false, error: <nil>\n" {
					t.Error(got)
				}
			case "not sealed", "open to writes", "open to growth", "seals to come", "empty", "cut in the header", "magic",
				"size", "another's pid", "no pid":
				if got != inert {
					t.Error(got)
				}
			case "closed handle", "no handle", "wrong handle":
				if !strings.HasPrefix(got, failed+"join uts namespace: ") {
					t.Error(got)
				}
			default:
				if !strings.HasPrefix(got, failed+"read request: protocol error (stage 0; malformed request: ") {
					t.Error(got)
				}
			}
		})
	}
}

func TestDamagedMoves(t *testing.T) {
	n := 100
	if testing.Short() {
		n = 30
	}
	for seed := range n {
		out, err := forging(strconv.Itoa(seed), zooBinary, "forged").CombinedOutput()
		if err != nil || strings.Count(string(out), "\n") != 1 {
			t.Fatalf("seed %d: %v, %s", seed, err, out)
		}
	}
}

// A process that the library has started takes its request from a socket and from nowhere else.
func TestForgedMoveOfStage0(t *testing.T) {
	cmd := forging("good", zooBinary, nsenter.Stage0Name)
	out, _ := cmd.CombinedOutput()
	if code := cmd.ProcessState.ExitCode(); code < 65 || code > 69 || len(out) > 0 {
		t.Errorf("%v, said %q", cmd.ProcessState, out)
	}
}

// A program that gains privileges by being executed has nothing to do with it.
func TestForgedMoveOfPrivileged(t *testing.T) {
	testutil.NeedRoot(t)
	for name, raise := range raises {
		t.Run(name, func(t *testing.T) {
			binary, _ := secureCopy(t)
			raise(t, binary)
			cmd := forging("good", binary, "forged")
			cmd.SysProcAttr = &syscall.SysProcAttr{Credential: &syscall.Credential{Uid: ordinaryUser, Gid: ordinaryUser}}
			out, err := cmd.CombinedOutput()
			if err != nil || string(out) != "moved: false, variable: true, error: <nil>\n" {
				t.Errorf("%v, %s", err, out)
			}
		})
	}
}
