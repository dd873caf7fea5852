//go:build linux && cgo

package attack

import (
	"fmt"
	"os"
	"strings"
	"syscall"
	"testing"
	"time"

	"nsexec/nsenter"
)

func TestMain(m *testing.M) {
	nsenter.Init()
	if strings.HasPrefix(os.Args[0], "nsexec") {
		beTwin()
	}
	if text, ok := os.LookupEnv(ordersVariable); ok {
		os.Exit(beCaller(text))
	}
	os.Exit(runTests(m))
}

// beTwin is a main that must never run: of a process that the library has started. It stays to be found.
func beTwin() {
	_, _ = syscall.Write(1, []byte("main runs in a stage\n"))
	time.Sleep(twinStays)
	syscall.Exit(113)
}

const twinStays = 3 * time.Second

func runTests(m *testing.M) int {
	dir, err := os.MkdirTemp("", "nsexec-attack-")
	if err == nil {
		defer os.RemoveAll(dir)
		err = os.Chmod(dir, 0o755)
	}
	if err == nil {
		err = prepare(dir)
	}
	if err != nil {
		fmt.Fprintln(os.Stderr, err)
		return 1
	}
	code := m.Run()
	if err := writeTable(); err != nil {
		fmt.Fprintln(os.Stderr, err)
		return 1
	}
	return code
}
