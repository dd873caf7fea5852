# The tables that matrix.sh writes into a page, between markers.
# shellcheck shell=bash

# keep is count_tests' record: it adds what one test binary did to the file of the row and of the identity that run.
keep() {
	local who=$1 p=$2 f=$3 s=$4 reasons=$5 log=$6
	printf 'tests\t%s\t%s\t%s\t%s\t%s\t%s\n' "$system" "$build" "$who" "$p" "$f" "$s"
	sed -nE "s/^([0-9]+): (.*)/skip\t\1\t\2/p" "$reasons"
	sed -nE 's/^ *[a-z_]+\.go:[0-9]+: feature (.*)\|(.*)\|(.*)/feature\t\1\t\2\t\3/p' "$log"
} >>"$results/$row.$who"

# forget removes what the identities that run have left there before.
forget() { rm -f "${whos[@]/#/$results/$row.}"; }

# write_tables FILE ROW... makes both tables of those rows that have run.
write_tables() {
	local page=$1 files=() row file
	shift
	for row in "$@"; do
		for file in "$results/$row".*; do
			if [[ -s $file ]]; then files+=("$file"); fi
		done
	done
	replace matrix "$page" < <(matrix_table "${files[@]}")
	replace features "$page" < <(feature_table "${files[@]}")
}

# replace NAME FILE puts what it reads between <!-- NAME --> and <!-- /NAME -->.
replace() {
	grep -q "^<!-- $1 -->\$" "$2" || { echo "$2 has no place for the table $1" >&2; return 1; }
	sed -i -e "/^<!-- $1 -->\$/,/^<!-- \/$1 -->\$/{//!d}" -e "/^<!-- $1 -->\$/r /dev/stdin" "$2"
}

# matrix_table has a line for each identity of each row: what its test binaries did, added up.
matrix_table() {
	echo
	echo "| kernel | build | as | passed | failed | skipped |"
	echo "|---|---|---|---|---|---|"
	awk -F '\t' '
		function show(	i) {
			if (!who) return
			for (i = 1; i <= n; i++) skipped = skipped (i == 1 ? ": " : "; ") count[reason[i]] " " reason[i]
			print "| " kernel " | " build " | " who " | " passed " | " failed " | " skipped " |"
			n = passed = failed = skipped = 0
			split("", count)
		}
		FNR == 1 { show() }
		$1 == "tests" { kernel = $2; build = $3; who = $4; passed += $5; failed += $6; skipped += $7 }
		$1 == "skip" {
			if (!($3 in count)) reason[++n] = $3
			count[$3] += $2
		}
		END { show() }' "$@"
	echo
}

# feature_table has a line for each feature, and a column for each kernel.
feature_table() {
	echo
	awk -F '\t' '
		$1 == "tests" { kernel = $2 }
		$1 == "feature" {
			if (!seen[kernel]++) kernels[++n] = kernel
			if (!since[$2]) { since[$2] = $3; names[++m] = $2 }
			if (!answer[$2, kernel]) answer[$2, kernel] = $4
		}
		END {
			printf "| feature | since |"
			for (i = 1; i <= n; i++) printf " %s |", kernels[i]
			printf "\n|---|---|"
			for (i = 1; i <= n; i++) printf "---|"
			for (j = 1; j <= m; j++) {
				printf "\n| %s | %s |", names[j], since[names[j]]
				for (i = 1; i <= n; i++) printf " %s |", answer[names[j], kernels[i]]
			}
			print ""
		}' "$@"
	echo
}
