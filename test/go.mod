module nsexec/test

go 1.26.0

replace nsexec => ../

require (
	golang.org/x/sys v0.49.0
	nsexec v0.0.0
)

require (
	cyphar.com/go-pathrs v0.2.6 // indirect
	github.com/cyphar/filepath-securejoin v0.7.0 // indirect
	github.com/moby/sys/user v0.4.0 // indirect
	github.com/opencontainers/runc v1.5.2 // indirect
	github.com/sirupsen/logrus v1.9.4 // indirect
)
