// Command plugin is a plugin that uses the library.
package main

import "consumer/join"

// Report says how entering a target went.
func Report() string { return join.Report() }
