# As whom the tests run.
# shellcheck shell=bash

# identities lists those that whoever runs this can take. The first one is the most privileged.
identities() {
	if [[ $EUID -eq 0 ]]; then
		printf '%s\n' root user userns
		return
	fi
	echo self
	if unshare -Ur true 2>/dev/null; then echo self_userns; fi
}

as_root() { "$@"; }

as_self() { "$@"; }

as_self_userns() { unshare -Ur "$@"; }

# as_user is an ordinary user: a number that belongs to no account, or the account that NSEXEC_TEST_USER names.
as_user() {
	local user=${NSEXEC_TEST_USER:-47110} home=$stage/home group
	group=$(id -g "$user" 2>/dev/null || echo "$user")
	mkdir -p "$home/tmp"
	chown -R "$user:$group" "$home"
	setpriv --reuid="$user" --regid="$group" --clear-groups \
		env -u XDG_RUNTIME_DIR HOME="$home" TMPDIR="$home/tmp" GOTMPDIR="$home/tmp" \
		GOCACHE="$home/cache" GOMODCACHE="$stage/modules" GOPROXY=off "$@"
}

as_userns() { as_user unshare -Ur "$@"; }
