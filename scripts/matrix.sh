#!/bin/bash
# Usage: matrix.sh [--core] [--as "IDENTITY..."] [ROW...]
# Runs the whole suite on every kernel, in every build, as every identity, and writes the tables of docs/reliability.md.
# A row is own/BUILD, SUITE/ARCH[/BUILD] or lsm/MODULE. With --core guests run no more than CI has them run; --as root runs
# it as root only.
# What an identity got in a row is kept in .build/matrix until it runs there again, so the tables can be made piece by piece.
set -euo pipefail
cd "$(dirname "$0")/.."
# shellcheck source-path=SCRIPTDIR/..
. scripts/lib/suite.sh
. scripts/lib/table.sh

builds=(gcc pie static static-pie musl clang race)
kernels=(bullseye/amd64 bookworm/amd64 trixie/amd64 sid/amd64 bullseye/arm64 bookworm/arm64 trixie/arm64 sid/arm64)
foreign=(gcc static-pie clang) # beside static; musl's compiler is for this machine's processor only
all=("${builds[@]/#/own/}" "${kernels[@]}" "${foreign[@]/#/trixie/arm64/}" lsm/selinux lsm/apparmor)
results=$PWD/.build/matrix

# run_row runs what a row is about, and keeps what comes of it.
run_row() {
	local system build record=keep words
	row=$1
	IFS=/ read -ra words <<<"$row"
	mkdir -p "$results/${row%/*}"
	forget
	case $row in
	own/*) run_own "${words[@]:1}" ;;
	lsm/*) run_lsm "${words[@]:1}" ;;
	*) run_guest "${words[@]}" ;;
	esac
}

run_own() {
	local who
	system="$(uname -r | grep -oE '^[0-9]+\.[0-9]+'), $(go env GOHOSTARCH)" build=$(describe "$1")
	for who in $(identities); do
		[[ " ${whos[*]} " != *" $who "* ]] || suite "$who" "$1"
	done
}

run_lsm() {
	build="$(describe static); $1 enforcing"
	guest_lsm "$1"
}

run_guest() {
	local suite=$1 arch=$2 variant=${3:-static}
	build=$(describe "$variant")
	[[ $extent == whole ]] || build+=" (core)"
	[[ $arch == amd64 ]] || variant=$arch-$variant
	guest_suite "$suite" "$arch" "$variant" "$(guest_plan "$extent" "${whos[@]}")"
}

# describe says what a variant is.
describe() {
	case $1 in
	gcc) echo "glibc, gcc" ;;
	pie) echo "glibc, PIE, gcc" ;;
	static) echo "glibc static, gcc" ;;
	static-pie) echo "glibc static PIE, gcc" ;;
	musl) echo "musl static, gcc" ;;
	clang) echo "glibc, clang" ;;
	race) echo "glibc, gcc, -race" ;;
	esac
}

extent=whole whos=(root user userns)
while [[ ${1:-} == --* ]]; do
	case $1 in
	--core) extent=core ;;
	--as) read -ra whos <<<"$2" && shift ;;
	*) echo "unknown option $1" >&2 && exit 2 ;;
	esac
	shift
done
rows=("$@")
[[ ${#rows[@]} -gt 0 ]] || rows=("${all[@]}")
export NSEXEC_MUST_WORK=1
prepare
for row in "${rows[@]}"; do run_row "$row"; done
write_tables docs/reliability.md "${all[@]}"
summary
