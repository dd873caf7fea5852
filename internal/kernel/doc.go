// Package kernel finds out what the running kernel can do, by doing it.
package kernel
