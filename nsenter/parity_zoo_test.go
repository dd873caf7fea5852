//go:build linux && cgo

package nsenter_test

import (
	"flag"
	"fmt"
	"os"
	"slices"
	"strings"
	"sync"
)

// zooArgument, before a name, makes the test binary that program of the zoo when it is the first argument: unlike
// zooVariable it leaves the environment alone, which is what some tests are about.
const zooArgument = "zoo:"

// zooName is the program of the zoo that this process is, or "".
func zooName() string {
	if len(os.Args) > 1 {
		if name, ok := strings.CutPrefix(os.Args[1], zooArgument); ok {
			os.Args = slices.Delete(os.Args, 1, 2)
			return name
		}
	}
	return os.Getenv(zooVariable)
}

// The race detector lets every program that ends sleep for a second first, and there are many here.
func init() { os.Setenv("GORACE", os.Getenv("GORACE")+" atexit_sleep_ms=0") }

// parityZoo is the programs that the tests of parity run, and which of them have been asked for.
var parityZoo struct {
	sync.Mutex
	used map[string]bool
}

// addParityZoo registers programs in the file that uses them.
func addParityZoo(programs map[string]func(arg []string) error) {
	if parityZoo.used == nil {
		parityZoo.used = make(map[string]bool)
	}
	for name, program := range programs {
		if zoo[name] != nil {
			panic("two programs " + name + " in the zoo")
		}
		zoo[name] = program
		parityZoo.used[name] = false
	}
}

func useParityZoo(name string) {
	parityZoo.Lock()
	defer parityZoo.Unlock()
	if _, ok := parityZoo.used[name]; !ok {
		panic("no program " + name + " in the zoo")
	}
	parityZoo.used[name] = true
}

// checkZooUsed fails a whole run that was a success but left a program unused: nothing dead stays in the zoo.
func checkZooUsed(code int) int {
	if code != 0 || flag.Lookup("test.run").Value.String() != "" || flag.Lookup("test.list").Value.String() != "" ||
		flag.Lookup("test.skip").Value.String() != "" {
		return code
	}
	for name, used := range parityZoo.used {
		if !used {
			fmt.Fprintf(os.Stderr, "no test has used the zoo's program %q\n", name)
			code = 1
		}
	}
	return code
}
