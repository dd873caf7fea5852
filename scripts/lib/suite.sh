# The suite: test binaries, built once in each variant, and run by an identity.
# shellcheck shell=bash

# shellcheck source-path=SCRIPTDIR/../..
. scripts/lib/check.sh
. scripts/lib/stage.sh
. scripts/lib/identity.sh
. scripts/lib/debian.sh
. scripts/lib/guest.sh
. scripts/lib/lsm.sh

library=(./ns ./nsenter ./internal/...)

# suite WHO VARIANT [EXTENT] runs the test binaries of a variant as an identity: all of their tests, the core, or those of a
# pattern.
suite() {
	local who=$1 variant=$2 extent=${3:-whole} name dir import
	compile "$variant" || return 0
	echo "== the tests ($variant build) as $who: $("as_$who" id)"
	while read -r name dir import; do
		in_extent "$extent" "$import" || continue
		run_tests "$who" "$stage/bin/$variant/$name" "$dir" "$import" "$(extent_flags "$extent" "$import")"
	done <"$stage/bin/$variant/list"
}

# compile builds the test binaries of a variant, unless they are there already, and lists them: each with the directory it
# runs in and its import path. gcc is default without the tests of other modules; arm64-BUILD is that build for such machines.
compile() {
	local out=$stage/bin/$1 mod flags=() packages=(./...) in=. cgo=1 more=() cc=${CC:-gcc} clang=clang arch
	local static=(-tags=netgo,osusergo "-ldflags=-linkmode=external -extldflags=-static")
	arch=$(go env GOARCH)
	[[ ! -e $out/list ]] || return 0
	[[ $1 != arm64-* ]] || arch=arm64 cc=aarch64-linux-gnu-gcc clang='clang --target=aarch64-linux-gnu'
	case ${1#arm64-} in
	default) in=$(modules) ;;
	gcc) ;;
	race) flags=(-race) packages=("${library[@]}") ;;
	nocgo) cgo=0 packages=(./ns) ;;
	pie) flags=(-buildmode=pie) ;;
	static) flags=("${static[@]}") ;;
	static-pie) flags=(-buildmode=pie -tags=netgo,osusergo "-ldflags=-linkmode=external -extldflags=-static-pie") ;;
	musl) cc=musl-gcc flags=("${static[@]}") ;;
	clang) cc=$clang ;;
	asan)
		flags=(-asan) packages=(./nsenter)
		more=("CGO_CFLAGS=-O1 -g -fsanitize=undefined -fno-sanitize-recover=all" CGO_LDFLAGS=-fsanitize=undefined)
		;;
	lsm) in=test packages=(./lsm) flags=("${static[@]}") ;;
	*) echo "no build $1" >&2 && exit 2 ;;
	esac
	if ! command -v "${cc%% *}" >/dev/null; then
		unable "tests built by $cc" "it is not installed"
		return 1
	fi
	for mod in $in; do
		mkdir -p "$out/$mod"
		check "build the tests of $mod ($1)" env CGO_ENABLED=$cgo CC="$cc" GOARCH="$arch" "${more[@]}" go -C "$mod" test -c -o "$out/$mod/" "${flags[@]}" "${packages[@]}"
		list_tests "$mod" "${packages[@]}" >>"$out/list"
	done
	chmod -R a+rX "$stage/bin"
}

list_tests() {
	local mod=$1 import below
	shift
	go -C "$mod" list -f '{{if or .TestGoFiles .XTestGoFiles}}{{.ImportPath}} {{slice .Dir (len .Module.Dir)}}{{end}}' "$@" |
		while read -r import below; do
			echo "$mod/${import##*/}.test $mod$below $import"
		done
}

# run_tests runs one test binary the way go test does, and counts its tests; it may do so beside others.
run_tests() {
	local who=$1 binary=$2 dir=$3 import=$4 extent=$5 begin=$SECONDS status=0 log
	log=$(mktemp "$stage/log.XXXXXX")
	(cd "$stage/src/$dir" && "as_$who" "$binary" -test.v -test.timeout=10m -test.paniconexit0 ${extent:+"$extent"}) >"$log" 2>&1 </dev/null || status=$?
	count_tests "$import as $who" "$who" "$status" $((SECONDS - begin)) "$log"
}

# count_tests counts what a test binary has logged, and shows what went wrong and why tests were skipped.
count_tests() {
	local name=$1 who=$2 status=$3 took=$4 log=$5 p f s
	p=$(grep -c '^ *--- PASS: ' "$log") || true
	f=$(grep -c '^ *--- FAIL: ' "$log") || true
	s=$(grep -c '^ *--- SKIP: ' "$log") || true
	[[ $status -eq 0 || $f -gt 0 ]] || f=1 # it crashed, or could not start
	passed=$((passed + p)) failed=$((failed + f)) skipped=$((skipped + s))
	if [[ $f -eq 0 ]]; then
		echo "ok    $name: $p passed, $s skipped (${took}s)"
	else
		grep -vE '^(=== (RUN|PAUSE|CONT|NAME)| *--- PASS)' "$log" || true
		echo "FAIL  $name: $p passed, $f failed, $s skipped"
	fi
	reasons <"$log" >"$log.reasons"
	sed 's/^/      skipped /' "$log.reasons"
	[[ -z ${record:-} ]] || "$record" "$who" "$p" "$f" "$s" "$log.reasons" "$log"
}

# reasons tells why tests were skipped, and how many for each reason: the last thing a skipped test logs.
reasons() {
	awk '/^=== (RUN|NAME|CONT)/ { test = $3 }
		/^ +[a-z0-9_]+\.go:[0-9]+: / { sub(/^[^:]*:[0-9]+: /, ""); last[test] = $0 }
		/^ *--- SKIP: / { count[last[$3]]++ }
		END { for (reason in count) print count[reason] ": " reason }'
}
