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

asides=()

# aside COMMAND... runs what counts beside what follows, as many at a time as there are processors, until together.
aside() {
	local said
	said=$(mktemp)
	asides+=("$said")
	while [[ $(jobs -rp | wc -l) -ge $(nproc) ]]; do wait -n || true; done
	(
		passed=0 failed=0 skipped=0
		"$@" || failed=$((failed + 1))
		echo "$passed $failed $skipped"
	) >"$said" 2>&1 &
}

# together waits for them, shows what they have said, and adds up.
together() {
	local said p f s
	wait
	for said in "${asides[@]}"; do
		sed '$d' "$said"
		read -r p f s < <(tail -n 1 "$said") || p=0 f=1 s=0 # it ended before it could count
		passed=$((passed + p)) failed=$((failed + f)) skipped=$((skipped + s))
		rm "$said"
	done
	asides=()
}

# summary ends with the counts; its status is that of the whole run.
summary() {
	[[ $skipped -eq 0 ]] || echo "$skipped skipped, for the reasons above"
	echo "$passed passed, $failed failed"
	[[ $failed -eq 0 && $passed -gt 0 ]]
}
