#!/bin/bash
# Usage: test.sh [PART...]
# Runs parts of the suite, or all of them, one after the other, and says at the end how much passed and failed.
# Test binaries are built once and run by every identity, in a copy of the tree that all users can read.
set -euo pipefail
cd "$(dirname "$0")/.."
# shellcheck source-path=SCRIPTDIR/..
. scripts/lib/suite.sh

part_vet() {
	local mod
	for mod in $(modules); do check "vet $mod" go -C "$mod" vet ./...; done
}

part_arrows() { check "dependency arrows" scripts/arrows.sh; }

part_symbols() { check "symbols of the C code" scripts/symbols.sh; }

# A bare t.Skip would stay unseen in CI.
part_skips() {
	check "no skip but testutil's" fails grep -rnE --include='*_test.go' '\<(t|tb|b)\.Skip(f|Now)?\(' .
}

# The library must compile everywhere; the command must refuse to come without cgo.
part_cross() {
	local os
	for os in darwin/amd64 windows/amd64 freebsd/amd64 plan9/amd64 js/wasm linux/amd64 linux/arm64; do
		check "build for $os without cgo" env GOOS="${os%/*}" GOARCH="${os#*/}" CGO_ENABLED=0 go build "${library[@]}"
	done
	check "build the command" go build -buildvcs=false -o "$stage/nsexec" ./cmd/nsexec
	check "no command without cgo" fails env CGO_ENABLED=0 go build -buildvcs=false -o "$stage/nsexec" ./cmd/nsexec
}

part_identities() {
	local who
	for who in $(identities); do suite "$who" default; done
}

part_race() { suite "$(identities | head -n 1)" race; }

part_nocgo() { suite "$(identities | head -n 1)" nocgo; }

# How it is built matters to few of the tests: make matrix runs them all in each of these.
part_builds() {
	local build
	for build in static pie static-pie musl clang; do aside suite "$(identities | head -n 1)" "$build" core; done
	together
}

# Released kernels, oldest first. make matrix runs all of the tests there, on the newest one and on arm64: a kernel that
# Debian has not released changes from day to day.
part_kernels() {
	local plan suite
	plan=$(guest_plan core root)
	compile static || return 0
	for suite in bullseye bookworm trixie; do aside guest_suite "$suite" "$(go env GOHOSTARCH)" static "$plan"; done
	together
}

part_lsm() {
	compile lsm || return 0
	aside guest_lsm selinux
	aside guest_lsm apparmor
	together
}

# The constructor's C code with the address and undefined-behaviour sanitizers, in real joins. The suite as a whole is not for
# them: some tests bound memory, and files, which they have more of.
part_asan() {
	local some='^Test(Topologies|EveryType.*|AllTypes|Subsets|ExitCodes|Create.*|Owner.*|MountProc.*|PivotRoot|Init.*|MapRanges.*'
	some+='|.*Requests|RequestThatIsFine|.*Moves|LauncherJoins.*|FuncRunsInTargetsNamespaces|Reexec|ReexecChild)$'
	suite "$(identities | head -n 1)" asan "$some"
}

# The core of it, with calls failing that older kernels and seccomp filters do not know.
part_shim() { check "tests of the core where newer calls fail" scripts/shim.sh ci; }

export NSEXEC_GUEST_TIMEOUT=${NSEXEC_GUEST_TIMEOUT:-900} # seconds; one takes two minutes

parts=("$@")
[[ ${#parts[@]} -gt 0 ]] || parts=(vet arrows symbols skips cross identities race nocgo builds asan shim kernels lsm)
prepare
for part in "${parts[@]}"; do "part_$part"; done
summary
