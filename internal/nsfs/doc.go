// Package nsfs asks the kernel about namespaces: the ioctls of nsfs files and of pidfds.
package nsfs
