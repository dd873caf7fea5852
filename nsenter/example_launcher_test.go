//go:build linux && cgo

package nsenter_test

import (
	"context"
	"fmt"
	"os"

	"nsexec/ns"
	"nsexec/nsenter"
)

// A daemon keeps one launcher, for all its goroutines. What it starts is like what the package's functions start.
func ExampleLauncher() {
	launcher, err := nsenter.NewLauncher()
	if err != nil {
		fmt.Println(err)
		return
	}
	defer launcher.Close()

	set, err := ns.OfPID(os.Getpid(), ns.All) // or a container's first process
	if err != nil {
		fmt.Println(err)
		return
	}
	defer set.Close()

	for _, probe := range []string{"echo healthy", "exit 3"} {
		out, err := launcher.Command(set, "/bin/sh", "-c", probe).Output()
		fmt.Printf("%q, %v\n", out, err)
	}

	text, err := launcher.Func(shout).Call(context.Background(), nil, []byte("a function"))
	fmt.Println(len(text) > 0, err)
	// Output:
	// "healthy\n", <nil>
	// "", exit status 3
	// true <nil>
}
