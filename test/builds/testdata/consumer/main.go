// Command consumer is a program that uses the library.
package main

import (
	"fmt"

	"consumer/join"
)

func main() {
	join.Note()
	fmt.Println(join.Report())
}
