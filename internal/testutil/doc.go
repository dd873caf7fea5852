// Package testutil holds what every test here needs: honest skips, who runs the tests, leak checks, and real targets to enter.
package testutil
