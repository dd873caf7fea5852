//go:build linux

package ns_test

import (
	"errors"
	"fmt"
	"net"
	"os"
	"slices"

	"nsexec/ns"
)

func ExampleParseType() {
	t, err := ns.ParseType("net")
	fmt.Println(t, t.Name(), err)
	_, err = ns.ParseType("pid_for_children")
	fmt.Println(err)
	// Output:
	// CLONE_NEWNET net <nil>
	// parse namespace type "pid_for_children": invalid namespace type
}

func ExampleType_Types() {
	for _, t := range (ns.Mount | ns.Net | ns.User).Types() {
		fmt.Println(t.Name())
	}
	// Output:
	// user
	// net
	// mnt
}

// Two processes are in the same network if the handles are equal.
func ExampleOfPID() {
	pid := os.Getpid() // of any process that the caller may look at
	s, err := ns.OfPID(pid, ns.Net|ns.UTS)
	if err != nil {
		fmt.Println(err)
		return
	}
	defer s.Close()
	own, err := ns.Current(ns.Net)
	if err != nil {
		fmt.Println(err)
		return
	}
	defer own.Close()
	fmt.Println("same network:", own.Equal(s.Handle(ns.Net)))
	// Output:
	// same network: true
}

func ExampleOfPID_gone() {
	_, err := ns.OfPID(1<<22-1, ns.All)
	fmt.Println(errors.Is(err, ns.ErrProcessGone), err)
	// Output:
	// true open namespaces of process 4194303: no such process
}

func ExampleOpen_notANamespace() {
	_, err := ns.Open("/proc/version")
	fmt.Println(errors.Is(err, ns.ErrNotNamespace), err)
	// Output:
	// true open namespace /proc/version: not a namespace: regular file on procfs (magic 0x9fa0)
}

// Make a network namespace, look at what is in it, and leave nothing behind.
func ExampleHandle_Do() {
	h, err := ns.New(ns.Net)
	if errors.Is(err, os.ErrPermission) {
		h, err = ns.Current(ns.Net) // an ordinary user visits where he is
	}
	if err != nil {
		fmt.Println(err)
		return
	}
	defer h.Close()
	err = h.Do(func() error {
		here, err := ns.Current(ns.Net)
		if err != nil {
			return err
		}
		defer here.Close()
		fmt.Println("inside:", here.Equal(h))
		return nil
	})
	fmt.Println(err)
	// Output:
	// inside: true
	// <nil>
}

// Serve inside a network namespace from a goroutine that is not in it.
func ExampleHandle_Listen() {
	h, err := ns.Current(ns.Net) // or ns.OpenPID(pid, ns.Net)
	if err != nil {
		fmt.Println(err)
		return
	}
	defer h.Close()
	l, err := h.Listen("tcp", "127.0.0.1:0")
	if err != nil {
		fmt.Println(err)
		return
	}
	defer l.Close()
	fmt.Println(l.Addr().Network())
	// Output:
	// tcp
}

// Many short visits cost a tenth as much in batches, on a thread that stays inside.
func ExampleHandle_Runner() {
	h, err := ns.Current(ns.Net) // or ns.OpenPID(pid, ns.Net)
	if err != nil {
		fmt.Println(err)
		return
	}
	defer h.Close()
	r, err := h.Runner()
	if err != nil {
		fmt.Println(err)
		return
	}
	defer r.Close()
	look := func() error {
		loopback, err := net.InterfaceByName("lo")
		if err == nil {
			fmt.Println(loopback.Name)
		}
		return err
	}
	fmt.Println(r.Do(look, look))
	// Output:
	// lo
	// lo
	// <nil>
}

// Keep a network namespace for ip-netns(8), and for who opens the path.
func ExampleHandle_Pin() {
	h, err := ns.New(ns.Net)
	if err != nil {
		fmt.Println(err)
		return
	}
	defer h.Close()
	path, err := ns.NetPath("blue") // then: ip netns exec blue ip addr
	if err != nil {
		fmt.Println(err)
		return
	}
	if err := h.Pin(path); err != nil {
		fmt.Println(err)
		return
	}
	defer ns.Unpin(path)
}

// Which user namespace owns most others?
func ExampleTree() {
	forest, err := ns.Tree()
	if err != nil {
		fmt.Println(err)
		return
	}
	most := slices.MaxFunc(forest.Ownership, func(a, b *ns.Node) int { return len(a.Children) - len(b.Children) })
	fmt.Println(most.Namespace.Type.Name())
	// Output:
	// user
}

// Who is in my pid namespace?
func ExampleList() {
	l, err := ns.List()
	if err != nil {
		fmt.Println(err)
		return
	}
	own, err := ns.Current(ns.PID)
	if err != nil {
		fmt.Println(err)
		return
	}
	defer own.Close()
	n := l.Find(own.ID())
	fmt.Println(n.Type.Name(), n.Members > 0)
	// Output:
	// pid true
}
