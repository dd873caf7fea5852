// Package builds tests programs that link the library, built in every way that they may be.
package builds
