#!/bin/bash
# Usage: shim.sh [core | ci | CALL...]
# Runs the tests of ns and nsenter while a system call fails that kernels or seccomp filters may not know, each call with
# each errno, two at a time, and writes what came of it to docs/reliability.md. core: only the tests of joining and creating.
# ci: of these, each call with ENOSYS and two with EPERM as well; and nothing is written. CALL...: these calls only; what the
# others gave is kept in .build/shim.
set -euo pipefail
cd "$(dirname "$0")/.."
out=$PWD/.build/shim page=docs/reliability.md
export CGO_ENABLED=1 NSEXEC_MUST_WORK=1

# What has to be compared with a whole machine that stands still; and the suite of ns itself once more.
apart='^(TestListAgreesWithLsns|TestOnOldKernel)$'
core='^Test(Topologies|EveryType.*|AllTypes|Subsets|MixedHandles|Containers|ExitCodes|LauncherJoins|LauncherStopped'
core+='|CreateBelow|CreateEachType|CreateSubsets|MountProc.*|PivotRoot|Owner.*|MapHelpersRunOnce|SocketNS.*|OfPID.*|PinKeepsAlive)$'

# build makes the test binaries. musl's threads take no clone3, of which glibc wants ENOSYS or success.
build() {
	local package
	go -C test build -o "$out/shim" ./shim
	for package in ns nsenter; do
		go test -c -o "$out/gcc/$package" "./$package"
		CC=musl-gcc go test -c -tags netgo,osusergo -ldflags '-linkmode=external -extldflags=-static' -o "$out/musl-gcc/$package" "./$package"
	done
}

libc() { if [[ $1 == clone3 && $2 != ENOSYS ]]; then echo musl-gcc; else echo gcc; fi; }

# try runs a package's tests behind the shim. Signals are to be as a terminal has them.
try() {
	local call=$1 errno=$2 package=$3
	shift 3
	(cd "$package" && env --default-signal=HUP,INT,QUIT "$out/shim" "$call" "$errno" "$out/$(libc "$call" "$errno")/$package" \
		-test.v -test.short -test.paniconexit0 -test.timeout 9m "$@") </dev/null 2>&1
}

failed_in() { sed -nE 's/^--- FAIL: ([A-Za-z0-9_]+).*/\1/p' "$1"; }

# cell is one call with one errno. What fails is tried once more, without the rest of the suite: another cell runs beside,
# and deadlines are those of a machine of one's own.
cell() {
	local call=$1 errno=$2 package log names bad=0
	for package in ns nsenter; do
		log=$out/$call.$errno.$package
		try "$call" "$errno" "$package" -test.skip "$apart" -test.run "$only" >"$log" && continue
		names=$(failed_in "$log" | paste -sd '|')
		if [[ -n $names ]] && "$0" --try "$call" "$errno" "$package" -test.run "^($names)\$" >"$log.again"; then continue; fi
		bad=1
	done
	sum "$call" "$errno" "$bad"
}

# sum counts a cell's tests, subtests included, as they went the first time.
sum() {
	local log=("$out/$1.$2.ns" "$out/$1.$2.nsenter") verdict=ok
	[[ $3 -eq 0 ]] || verdict=FAIL
	echo "$verdict $(cat "${log[@]}" | grep -c '^ *--- PASS') $(cat "${log[@]}" | grep -c 'which is hidden$')" >"$out/$1.$2"
	[[ $3 -eq 0 ]] && return
	echo "FAIL  $1 $2"
	for log in "${log[@]/%/.again}"; do
		[[ ! -e $log ]] || grep -vE '^(=== | *--- (PASS|SKIP))' "$log" | head -n 40 || true
	done
}

cells() {
	local call since errnos errno
	"$out/shim" --list | while read -r call since errnos; do
		[[ -z $calls || " $calls " == *" $call "* ]] || continue
		for errno in $errnos; do
			if [[ $extent != ci || $errno == ENOSYS || $errno$call == EPERMpidfd_open || $errno$call == EPERMclose_range ]]; then
				echo "$call $errno"
			fi
		done
	done
}

# table is what docs/reliability.md shows.
table() {
	local call since errno row
	echo "| call | since | ENOSYS | EPERM | EINVAL |"
	echo "|---|---|---|---|---|"
	"$out/shim" --list | while read -r call since _; do
		row="| \`$call\` | $since |"
		for errno in ENOSYS EPERM EINVAL; do
			row+=" $(show "$out/$call.$errno") |"
		done
		echo "$row"
	done
}

show() {
	local verdict passed needs
	[[ -e $1 ]] || { echo "-" && return; }
	read -r verdict passed needs <"$1"
	[[ $verdict == ok ]] || { echo "failed" && return; }
	if [[ $needs -gt 0 ]]; then echo "$passed, $needs skipped"; else echo "$passed"; fi
}

what() { if [[ $only == . ]]; then echo "the whole suites"; else echo "the tests of joining and creating"; fi; }

# publish replaces what stands between the markers.
publish() {
	local new
	new=$(mktemp)
	{
		sed '/^<!-- shim -->$/q' "$page"
		printf '\n%s, %s, as %s, %s: tests passed, and how many need the call and were skipped.\n\n' \
			"$(date -u +%F)" "Linux $(uname -r | sed 's/-.*//')" "$(id -un)" "$(what)"
		table
		echo
		sed -n '/^<!-- \/shim -->$/,$p' "$page"
	} >"$new"
	cat "$new" >"$page"
	rm "$new"
}

extent=whole calls=
case ${1:-} in
--cell)
	cell "$2" "$3"
	exit
	;;
--try)
	shift
	try "$@"
	exit
	;;
core | ci) extent=$1 ;;
*) calls=$* ;;
esac
only=.
[[ $extent == whole ]] || only=$core
scripts/need.sh go gcc musl-gcc unshare setpriv
mkdir -p "$out"
[[ -n $calls ]] || rm -f "$out"/*.*
build
cells | only=$only xargs -P "${JOBS:-2}" -L 1 "$0" --cell
[[ $extent == ci ]] || publish
# Not each errno has a cell in CI.
find "$out" -maxdepth 1 \( -name '*.ENOSYS' -o -name '*.EPERM' -o -name '*.EINVAL' \) -exec cat {} + | awk '{ n[$1]++ } END { printf "%d passed, %d failed\n", n["ok"], n["FAIL"]; exit n["FAIL"] > 0 || n["ok"] == 0 }'
