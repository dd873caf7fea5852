// Package capability asks what the caller may do.
package capability
