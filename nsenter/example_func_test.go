//go:build linux && cgo

package nsenter_test

import (
	"context"
	"errors"
	"fmt"
	"os"
	"strings"
	"syscall"
	"time"

	"nsexec/ns"
	"nsexec/nsenter"
)

// A package-level variable: the payload, which is the same program, must find it too.
var shout = nsenter.NewFunc("shout", func(_ context.Context, in []byte) ([]byte, error) {
	name, err := os.Hostname()
	return fmt.Appendf(nil, "%s, says %s", strings.ToUpper(string(in)), name), err
})

// main begins with nsenter.Init:
//
//	func main() {
//		if nsenter.Init() {
//			return
//		}
//		...
//	}
func ExampleNewFunc() {
	cmd := shout.Command(context.Background(), nil, []byte("hello"))
	cmd.Unshare = ns.User | ns.UTS // new ones, which anybody may make
	cmd.MapRoot()
	cmd.New.Hostname = "inside"
	if err := cmd.Run(); err != nil {
		fmt.Println(err)
		return
	}
	out, err := cmd.Result()
	fmt.Println(string(out), err)
	// Output: HELLO, says inside <nil>
}

var readFile = nsenter.Register("read file", func(_ context.Context, path string) (string, error) {
	text, err := os.ReadFile(path)
	return string(text), err
})

// Errors are what they were inside.
func ExampleFunc_Call() {
	set, err := ns.OfPID(os.Getpid(), ns.All) // or a container's first process
	if err != nil {
		fmt.Println(err)
		return
	}
	defer set.Close()
	_, err = readFile.Call(context.Background(), set, "/no/such/file")
	fmt.Println(err, errors.Is(err, os.ErrNotExist))
	// Output: open /no/such/file: no such file or directory true
}

var greet = nsenter.NewFunc("greet", func(context.Context, []byte) ([]byte, error) {
	fmt.Println("hello from process", os.Getpid())
	return nil, nil
})

// The process is the first one of a pid namespace of its own, and nobody waits for it.
func ExampleClone() {
	pid, err := nsenter.Clone(os.Getpid(), ns.UTS, greet, syscall.CLONE_NEWUSER|syscall.CLONE_NEWPID)
	if err != nil {
		fmt.Println(err)
		return
	}
	for syscall.Kill(pid, 0) == nil { // until it has ended, and the library has reaped it
		time.Sleep(time.Millisecond)
	}
	// Output: hello from process 1
}
