#!/bin/bash
# Usage: rename.sh MODULE
# Gives the module another path, in every go.mod, import, linter rule and README of this tree.
set -euo pipefail
cd "$(dirname "$0")/.."

new=${1:?usage: make rename MODULE=example.org/you/nsexec}
old=$(go list -m)
pattern=${old//./\\.}
go mod edit -module "$new" # comes first: it refuses what cannot be a module's path

# In imports and rules the path is followed by one of our folders, in go.mod files (and those that tests write) by a version or an arrow.
find . -path ./.git -prune -o -path ./.build -prune -o -type f \
	\( -name '*.go' -o -name go.mod -o -name '*.md' -o -name .golangci.yml \) -print0 |
	xargs -0 sed -i -E \
		-e "s#(^|[\"\`[:space:]])$pattern/(ns|nsenter|internal|cmd|test|bench)\b#\1$new/\2#g" \
		-e "s#(^|[\"\`[:space:]])$pattern (v0\.0\.0|=>)#\1$new \2#g"
for mod in test bench; do
	if [[ -e $mod/go.mod ]]; then go -C "$mod" mod edit -module "$new/$mod"; fi
done
echo "the module is now $new"
