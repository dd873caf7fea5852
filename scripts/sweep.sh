#!/bin/bash
# Usage: sweep.sh [-only SCENARIO] [-j SCENARIOS AT A TIME]
# Lets every system call between Start and exec go wrong, and writes the table of docs/reliability.md. Needs root for
# all of its scenarios; without -only they are what the table has.
set -euo pipefail
cd "$(dirname "$0")/.."
scripts/need.sh go gcc

mkdir -p .build
go -C test build -buildvcs=false -o ../.build/sweep ./sweep
docs=(-docs docs)
[[ " $* " != *" -only "* ]] || docs=()
exec .build/sweep "${docs[@]}" "$@"
