#!/bin/bash
# Dependencies point one way: cmd -> nsenter -> ns -> internal. Fails with the imports that point another way,
# and where anything but a test imports the test helpers.
set -euo pipefail
cd "$(dirname "$0")/.."

module=$(go list -m)
# shellcheck disable=SC2016 # the dollars are those of the template
go list -f '{{$from := .ImportPath}}{{range .Imports}}{{$from}} {{.}}{{"\n"}}{{end}}' ./... |
	awk -v module="$module/" '
		BEGIN { rank["internal"] = 1; rank["ns"] = 2; rank["nsenter"] = 3; rank["cmd"] = 4 }
		function top(import) { sub("^" module, "", import); sub("/.*", "", import); return import }
		index($2, module) == 1 {
			from = top($1); to = top($2)
			inside = from == to && from == "internal"
			if ($2 == module "internal/testutil" || !inside && rank[from] <= rank[to]) {
				print $1 " must not import " $2
				bad = 1
			}
		}
		END { exit bad }'
