# Guests under a security module that enforces a policy: test/lsm.
# shellcheck shell=bash

# guest_lsm MODULE runs the tests of test/lsm in a guest under selinux or apparmor.
guest_lsm() {
	local module=$1 words=()
	if [[ $module == selinux ]]; then
		if ! scripts/need.sh secilc; then
			unable "guest under SELinux" "secilc is not installed"
			return 0
		fi
		secilc -c 31 -o "$stage/selinux.policy" -f /dev/null test/guest/selinux.cil
		words=(selinux=1 enforcing=0) # until init has loaded the policy
	fi
	guest_suite trixie "$(go env GOHOSTARCH)" lsm "root nsexec/test/lsm . lsm.test -test.timeout=10m" \
		"security=$module" "${words[@]}" "NSEXEC_GUEST=$module"
}
