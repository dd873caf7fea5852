// Package raw makes system calls that Go's scheduler is not told of. It is for files that the kernel makes up, in procfs
// and nsfs, without waiting for anything. A listing makes forty such calls for each process, and being told takes a
// tenth of their time.
package raw
