# The stage: a copy of the tree, and of the modules it needs, that every user can read.
# shellcheck shell=bash

stage=

prepare() {
	scripts/need.sh go gcc
	scripts/need.sh --optional certificates \
		busybox runc crun setcap newuidmap unshare setpriv nsenter lsns ps ip strace \
		clang ld.gold ld.lld musl-gcc
	export CGO_ENABLED=1
	stage=$(mktemp -d "${TMPDIR:-/tmp}/nsexec.XXXXXX")
	trap 'rm -rf "$stage"' EXIT
	mkdir "$stage/src"
	tar -c --exclude=./.git --exclude=./.build --exclude=./bin . | tar -x --no-same-owner -C "$stage/src"
	[[ $EUID -ne 0 ]] || stage_modules
	chmod -R a+rX "$stage"
}

# stage_modules copies the modules from the cache of whoever runs this: an ordinary user cannot read root's.
stage_modules() {
	local mod proxy
	proxy=file://$(go env GOMODCACHE)/cache/download,$(go env GOPROXY)
	for mod in $(modules); do
		go -C "$mod" mod download
		GOMODCACHE=$stage/modules GOFLAGS=-modcacherw GOPROXY=$proxy go -C "$mod" mod download
	done
}

# modules lists the directories of the modules in this repository.
modules() {
	local mod
	for mod in . test bench; do
		if [[ -e $mod/go.mod ]]; then echo "$mod"; fi
	done
}
