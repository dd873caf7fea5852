#!/bin/bash
# Usage: bench.sh [-n ROUNDS]
# Measures against peers, and writes docs/benchmarks.md. Needs root; the machine should have nothing else to do.
set -euo pipefail
cd "$(dirname "$0")/.."
scripts/need.sh go gcc busybox nsenter unshare crun

runc=v1.5.2
if [[ ! -x .build/runc-$runc/runc ]]; then
	GOBIN=$PWD/.build/runc-$runc go install github.com/opencontainers/runc@$runc
fi
go -C bench build -buildvcs=false -o ../.build/compare ./compare
export PATH=$PWD/.build/runc-$runc:$PWD/bin:$PATH

# crun 1.8 takes a cgroup2 file system beside version 1 for an incomplete version 2: it must not see it.
cd bench
exec unshare --mount --propagation private sh -c \
	'umount /sys/fs/cgroup/unified 2>/dev/null; exec "$@"' sh ../.build/compare "$@"
