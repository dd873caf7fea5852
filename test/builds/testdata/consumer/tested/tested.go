// Package tested has a test that uses the library.
package tested
