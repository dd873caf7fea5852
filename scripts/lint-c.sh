#!/bin/bash
# Compiles the C code with both compilers and every warning an error, which those who link the library
# in do not have to bear, and checks its format.
set -euo pipefail
cd "$(dirname "$0")/.."
scripts/need.sh gcc clang clang-format

shopt -s nullglob
sources=(nsenter/*.c test/fuzz/*.c)
for cc in gcc clang; do
	for source in "${sources[@]}"; do
		"$cc" -std=gnu11 -O2 -Wall -Wextra -Werror -Insenter -c -o /dev/null "$source"
	done
	# The C in Go files comes with that of the standard library, which leaves parameters unused.
	CC=$cc CGO_ENABLED=1 CGO_CFLAGS="-O2 -Wall -Wextra -Werror -Wno-unused-parameter" go build ./nsenter ./internal/...
done
if [[ ${#sources[@]} -gt 0 ]]; then clang-format --dry-run -Werror {nsenter,test/fuzz}/*.[ch]; fi
