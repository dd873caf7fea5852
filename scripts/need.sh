#!/bin/bash
# Usage: need.sh [--optional] TOOL...
# Makes sure that tools are there. Where apt and root are, it installs what is missing; elsewhere it
# says what to install, and fails unless the tools are optional.
set -euo pipefail
PATH=$PATH:/usr/local/sbin:/usr/sbin:/sbin # runc and setcap are not on every user's PATH

# package names the Debian packages that bring a tool.
package() {
	case $1 in
	go) ;; # Debian's is too old
	certificates) echo ca-certificates ;;
	gcc) echo gcc libc6-dev ;;
	ld.gold) echo binutils ;;
	ld.lld) echo lld ;;
	musl-gcc) echo musl-tools ;;
	busybox) echo busybox-static ;;
	setcap) echo libcap2-bin ;;
	newuidmap) echo uidmap ;;
	unshare | setpriv | nsenter | lsns) echo util-linux ;;
	ps) echo procps ;;
	ip) echo iproute2 ;;
	libfuzzer) echo "libclang-rt-$(clang_version)-dev" ;;
	qemu-system-x86_64) echo qemu-system-x86 ;;
	qemu-system-aarch64) echo qemu-system-arm ;;
	aarch64-linux-gnu-gcc) echo gcc-aarch64-linux-gnu libc6-dev-arm64-cross ;;
	xz) echo xz-utils ;;
	*) echo "$1" ;;
	esac
}

# clang_version is that of the compiler that there is, or would be.
clang_version() {
	{ clang -dumpversion || apt-cache depends clang | sed -n 's/.*Depends: clang-//p'; } 2>/dev/null | sed 's/\..*//' | head -n 1
}

# have tells whether a tool works: a compiler without the C library's headers does not, nor does an old Go.
have() {
	case $1 in
	go) { echo go1.26; go env GOVERSION 2>/dev/null; } | sed 's/^devel //' | sort -V -C ;;
	certificates) [[ -n ${SSL_CERT_FILE:-} || -e /etc/ssl/certs/ca-certificates.crt ]] ;;
	libfuzzer) echo 'int LLVMFuzzerTestOneInput(void) { return 0; }' | clang -fsanitize=fuzzer -x c - -o /dev/null 2>/dev/null ;;
	gcc | clang) echo '#include <unistd.h>' | "$1" -E - >/dev/null 2>&1 ;;
	*) command -v "$1" >/dev/null ;;
	esac
}

missing() {
	local tool
	for tool in "$@"; do have "$tool" || echo "$tool"; done
}

# install asks apt, and refreshes its lists only when they do not know the packages.
install() {
	local apt=(apt-get -qq -y -o DPkg::Lock::Timeout=300 -o Dpkg::Use-Pty=0)
	export DEBIAN_FRONTEND=noninteractive
	echo "installing $*" >&2
	"${apt[@]}" install --no-install-recommends "$@" >/dev/null 2>&1 && return
	"${apt[@]}" update >&2 && "${apt[@]}" install --no-install-recommends "$@" >/dev/null
}

optional=no
if [[ ${1:-} == --optional ]]; then
	optional=yes
	shift
fi

mapfile -t lacking < <(missing "$@")
[[ ${#lacking[@]} -gt 0 ]] || exit 0

mapfile -t packages < <(for tool in "${lacking[@]}"; do package "$tool"; done | tr ' ' '\n' | sed '/^$/d' | sort -u)
if [[ ${#packages[@]} -gt 0 && $EUID -eq 0 ]] && command -v apt-get >/dev/null; then
	install "${packages[@]}" || true
	mapfile -t lacking < <(missing "$@")
	[[ ${#lacking[@]} -gt 0 ]] || exit 0
fi

echo "missing: ${lacking[*]}" >&2
[[ ${#packages[@]} -eq 0 ]] || echo "  on Debian: apt-get install ${packages[*]}" >&2
have go || echo "  Go 1.26 or later: https://go.dev/dl" >&2
[[ $optional == yes ]]
