#!/bin/bash
# Usage: analyze.sh STATICCHECK
# Looks for mistakes in the code without running it: gcc's and clang's analysers, clang-tidy (.clang-tidy) and cppcheck in
# the C code, go vet and the given staticcheck in the Go code. Any finding is a failure.
set -euo pipefail
cd "$(dirname "$0")/.."
. scripts/lib/check.sh
scripts/need.sh go gcc clang clang-tidy cppcheck

# gcc follows more at -O0 than where calls are inlined.
fanalyzer() { parallel gcc -std=gnu11 -O0 -fanalyzer -Wall -Wextra -Werror -c -o /dev/null; }

clang_analyze() { parallel clang -std=gnu11 --analyze --analyzer-output text -Xclang -analyzer-werror -o /dev/null; }

tidy() { clang-tidy --quiet nsenter/*.c -- -std=gnu11; }

# Not unused members: the kernel's structs have them. Not ctuuninitvar: what system calls write to is written to. Not
# constStatement in slot.c: what goes into a register for the assembler is no statement without effect.
# One architecture, or code for others is found to do nothing.
cpp_check() {
	cppcheck --quiet --std=c11 --platform=unix64 -D__x86_64__ -D__has_feature=0 -Insenter --error-exitcode=1 --inline-suppr \
		--enable=warning,style,performance,portability --suppress=unusedStructMember --suppress=ctuuninitvar \
		--suppress=constStatement:nsenter/slot.c nsenter/*.c
}

# parallel runs a compiler on each file of the constructor.
parallel() { printf '%s\n' nsenter/*.c | xargs -P "$(nproc)" -n 1 "$@"; }

check "gcc -fanalyzer" fanalyzer
check "clang --analyze" clang_analyze
check "clang-tidy" tidy
check "cppcheck" cpp_check
for mod in . test bench; do
	check "go vet $mod" go -C "$mod" vet ./...
	check "staticcheck $mod" env -C "$mod" "$(realpath "$1")" ./...
done
summary
