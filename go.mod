module nsexec

go 1.26.0

require (
	github.com/cyphar/filepath-securejoin v0.7.0
	github.com/moby/sys/user v0.4.0
	github.com/opencontainers/runc v1.5.2
	github.com/spf13/cobra v1.10.2
	github.com/spf13/pflag v1.0.9
	golang.org/x/sys v0.49.0
)

require (
	cyphar.com/go-pathrs v0.2.6 // indirect
	github.com/inconshreveable/mousetrap v1.1.0 // indirect
	github.com/sirupsen/logrus v1.9.4 // indirect
)
