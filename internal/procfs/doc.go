// Package procfs opens what procfs says about processes, through a procfs that is certainly one.
package procfs
