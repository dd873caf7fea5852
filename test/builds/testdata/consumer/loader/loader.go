// Command loader is a program that does not use the library, but loads a plugin that does.
package main

import (
	"fmt"
	"os"
	"plugin"
)

func main() {
	note()
	loaded, err := plugin.Open(os.Args[1])
	if err != nil {
		fmt.Println(err)
		os.Exit(1)
	}
	report, err := loaded.Lookup("Report")
	if err != nil {
		fmt.Println(err)
		os.Exit(1)
	}
	fmt.Println(report.(func() string)())
}

func note() {
	file, err := os.OpenFile(os.Getenv("RUNS"), os.O_WRONLY|os.O_APPEND, 0)
	if err != nil {
		return
	}
	defer file.Close()
	_, _ = file.WriteString("m")
}
