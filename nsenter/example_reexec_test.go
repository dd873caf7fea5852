//go:build linux && cgo

package nsenter_test

import (
	"fmt"
	"log"
	"os"

	"nsexec/ns"
	"nsexec/nsenter"
)

// main runs twice: as the program that was started, and as what it has become.
func ExampleReexec() {
	var set *ns.Set // for a container without a pid namespace of its own; otherwise, ReexecChild
	if !nsenter.Reexeced() {
		var err error
		if set, err = ns.OfPID(4711, ns.Mount|ns.Net); err != nil {
			log.Fatal(err)
		}
	}
	socket, err := os.OpenFile("/dev/null", os.O_RDWR, 0) // stays open, under its number
	if err != nil {
		log.Fatal(err)
	}
	if err := nsenter.Reexec(set, socket); err != nil {
		log.Fatal(err)
	}
	fmt.Println("inside, all of it")
}

// What a rootless tool does first.
func ExampleReexecUnshared() {
	if os.Geteuid() != 0 || nsenter.Reexeced() {
		if err := nsenter.ReexecUnshared(ns.Mount); err != nil {
			log.Fatal(err)
		}
	}
	fmt.Println("root, here")
}
