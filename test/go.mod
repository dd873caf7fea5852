module nsexec/test

go 1.26.0

replace nsexec => ../

require (
	golang.org/x/sys v0.49.0
	nsexec v0.0.0
)
