// Command both is a program that uses the library, and has runc's constructor beside it.
package main

import (
	"fmt"

	_ "github.com/opencontainers/runc/libcontainer/nsenter"

	"consumer/join"
)

func main() {
	join.Note()
	fmt.Println(join.Report())
}
