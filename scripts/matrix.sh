#!/bin/bash
# Usage: matrix.sh [--core] [--as "IDENTITY..."] [ROW...]
# Runs the whole suite on every kernel, in every build, as every identity, and writes the tables of docs/reliability.md.
# A row is own/BUILD, SUITE/ARCH or lsm/MODULE. With --core guests run no more than CI has them run; --as root runs it as root only.
# What an identity got in a row is kept in .build/matrix until it runs there again, so the tables can be made piece by piece.
set -euo pipefail
cd "$(dirname "$0")/.."
# shellcheck source-path=SCRIPTDIR/..
. scripts/lib/suite.sh
. scripts/lib/table.sh

builds=(gcc pie static static-pie musl clang race)
kernels=(bullseye/amd64 bookworm/amd64 trixie/amd64 sid/amd64 bullseye/arm64 bookworm/arm64 trixie/arm64 sid/arm64)
all=("${builds[@]/#/own/}" "${kernels[@]}" lsm/selinux lsm/apparmor)
results=$PWD/.build/matrix

# run_row runs what a row is about, and keeps what comes of it.
run_row() {
	local who system build='glibc static, gcc' record=keep
	row=$1
	[[ $row == own/* || $row == lsm/* || $extent == whole ]] || build+=" (core)"
	mkdir -p "$results/${row%/*}"
	forget
	case $row in
	own/*)
		system="$(uname -r | grep -oE '^[0-9]+\.[0-9]+'), $(go env GOHOSTARCH)" build=$(describe "${row#own/}")
		for who in $(identities); do
			[[ " ${whos[*]} " != *" $who "* ]] || suite "$who" "${row#own/}"
		done
		;;
	lsm/*) build="$build; ${row#lsm/} enforcing" && guest_lsm "${row#lsm/}" ;;
	*/arm64) guest_suite "${row%/*}" arm64 arm64 "$(guest_plan "$extent" "${whos[@]}")" ;;
	*) guest_suite "${row%/*}" "${row#*/}" static "$(guest_plan "$extent" "${whos[@]}")" ;;
	esac
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
