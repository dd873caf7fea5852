// Command lib is a library for programs in C that uses the library.
package main

import "C"

import (
	"fmt"

	"consumer/join"
)

// Report prints how entering a target went.
//
//export Report
func Report() { fmt.Println(join.Report()) }

func main() {}
