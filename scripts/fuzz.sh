#!/bin/bash
# Usage: fuzz.sh [TARGET...]
# Fuzzes what reads bytes that others have written, a target for each processor at a time: the decoder of requests, which is
# C, with libFuzzer and the sanitizers, and Go's parsers with go test. FUZZTIME is how long each runs, such as 60s;
# without it all of them together take an hour. What libFuzzer has found out is kept in .build/fuzz, for the next time.
set -euo pipefail
cd "$(dirname "$0")/.."

# targets lists them: the C one, and each Fuzz function with its package.
targets() {
	echo decode
	grep -rhoE --include='*_test.go' '^func Fuzz[A-Za-z]+' . -H | sed -E 's,/[^/:]*:func ,:,' | sort
}

seconds() {
	case $1 in
	*m) echo $((${1%m} * 60)) ;;
	*h) echo $((${1%h} * 3600)) ;;
	*) echo "${1%s}" ;;
	esac
}

# fuzz runs one target, and shows what it said only if it found something.
fuzz() {
	local log=.build/fuzz/${1##*[:/]}.log begin=$SECONDS
	if fuzz_"$([[ $1 == decode ]] && echo c || echo go)" "$1" >"$log" 2>&1 || time_was_up "$log"; then
		echo "ok    fuzz $1 ($((SECONDS - begin))s): $(grep -oE '(Done|execs:) [0-9]+' "$log" | tail -n 1 | tr -dc 0-9) inputs"
	else
		tail -n 60 "$log"
		echo "FAIL  fuzz $1"
		return 1
	fi
}

# time_was_up tells an end of the time, which go test before 1.27 may call a failure (golang/go issue 75804), from one that
# has an input.
time_was_up() { grep -qx ' *context deadline exceeded' "$1" && ! grep -q 'Failing input' "$1"; }

# fuzz_c leaves an input that it fails for in .build/fuzz: add it to nsenter/testdata/requests once it is mended.
fuzz_c() {
	local sources=(test/fuzz/*.c nsenter/decode.c)
	"${CC:-clang}" -std=gnu11 -g -O1 -Wall -Wextra -Werror -fsanitize=fuzzer,address,undefined -fno-sanitize-recover=all \
		-Insenter -o .build/fuzz/decode "${sources[@]}"
	mkdir -p .build/fuzz/corpus
	.build/fuzz/decode -max_total_time="$(seconds "$FUZZTIME")" -max_len=8192 -timeout=10 -artifact_prefix=.build/fuzz/ \
		.build/fuzz/corpus nsenter/testdata/requests
}

# fuzz_go has one worker. To minimise an input takes a minute unless one says otherwise, which is all the time that there is.
fuzz_go() {
	CGO_ENABLED=1 go test -run '^$' -fuzz "^${1#*:}\$" -fuzztime "$(seconds "$FUZZTIME")s" -fuzzminimizetime 100x -parallel 1 "${1%:*}"
}

if [[ ${1:-} == --one ]]; then
	fuzz "$2"
	exit
fi
scripts/need.sh go gcc clang libfuzzer
mkdir -p .build/fuzz
mapfile -t all < <(if [[ $# -gt 0 ]]; then printf '%s\n' "$@"; else targets; fi)
export FUZZTIME=${FUZZTIME:-$(($(nproc) * 3600 / ${#all[@]}))s}
printf '%s\n' "${all[@]}" | xargs -n 1 -P "$(nproc)" "$0" --one
