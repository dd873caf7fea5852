# Checks that are counted.
# shellcheck shell=bash

passed=0 failed=0 skipped=0

# check runs a command, shows its output only when it fails, and counts the outcome.
check() {
	local name=$1 output begin=$SECONDS
	shift
	if output=$("$@" 2>&1); then
		passed=$((passed + 1))
		echo "ok    $name ($((SECONDS - begin))s)"
	else
		failed=$((failed + 1))
		printf 'FAIL  %s\n%s\n' "$name" "$output"
	fi
}

fails() { ! "$@"; }

# unable skips a part for a reason; where everything must work that is a failure.
unable() {
	if [[ ${NSEXEC_MUST_WORK:-} == 1 ]]; then
		failed=$((failed + 1))
		printf 'FAIL  %s\n%s\n' "$1" "$2"
	else
		skipped=$((skipped + 1))
		echo "skip  $1: $2"
	fi
}

# summary ends with the counts; its status is that of the whole run.
summary() {
	[[ $skipped -eq 0 ]] || echo "$skipped skipped, for the reasons above"
	echo "$passed passed, $failed failed"
	[[ $failed -eq 0 && $passed -gt 0 ]]
}
