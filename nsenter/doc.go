// Package nsenter is os/exec for Linux namespaces: it runs a program inside the namespaces of another process.
package nsenter
