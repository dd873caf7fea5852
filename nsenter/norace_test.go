//go:build !race

package nsenter_test

const raceBuild = false
