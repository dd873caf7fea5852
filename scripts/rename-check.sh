#!/bin/bash
# Renames a copy of the module, and builds and vets it.
set -euo pipefail
cd "$(dirname "$0")/.."

copy=$(mktemp -d)
trap 'rm -rf "$copy"' EXIT
tar -c --exclude=./.git --exclude=./.build --exclude=./bin . | tar -x -C "$copy"
old=$(go list -m)
"$copy/scripts/rename.sh" example.org/x/nsexec
cd "$copy"
for mod in . test bench; do
	[[ -e $mod/go.mod ]] || continue
	go -C "$mod" build -buildvcs=false ./...
	go -C "$mod" vet ./...
done
if go list -deps ./... | grep "^$old/"; then
	echo "packages that are still called $old" >&2
	exit 1
fi
