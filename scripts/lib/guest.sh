# Guests: Debian's kernels in QEMU, each with a small Debian of this machine's release in memory.
# shellcheck shell=bash

guests=$PWD/.build/guest

# guest_kernel SUITE ARCH fetches the suite's newest kernel for clouds, which has what it needs to boot built in, and
# prints the directory that it is unpacked in. (From 7.0 on linux-image-* only brings linux-binary-* and linux-modules-*.)
guest_kernel() {
	local packages
	debian_lists "$1" "$2" || return
	mapfile -t packages < <(in_debian "$1" "$2" apt-cache depends --recurse --no-recommends --no-suggests "linux-image-cloud-$2" |
		grep -E "^linux-(binary|image|modules)-[0-9].*-cloud-$2\$" | sort -u)
	[[ ${#packages[@]} -gt 0 ]] || { echo "$1 has no linux-image-cloud-$2" >&2; return 1; }
	debian_download "$1" "$2" "$guests/kernel/${packages[0]}" "${packages[@]}" || return
	echo "$guests/kernel/${packages[0]}"
}

# guest_root ARCH makes the archive of a guest's Debian, and prints its name: it has what the tests use.
guest_root() {
	local arch=$1 dir release packages
	release=$(debian_release)
	packages=(bash dash coreutils util-linux mount hostname grep sed mawk diffutils procps iproute2 libcap2-bin
		uidmap strace busybox-static runc crun apparmor)
	dir=$guests/root-$release-$arch-$(cksum <<<"${packages[*]}" | cut -d ' ' -f 1)
	if [[ ! -e $dir.cpio ]]; then
		rm -rf "$dir"
		debian_lists "$release" "$arch" || return
		debian_unpack "$release" "$arch" "$dir" "${packages[@]}" || return
		rm -rf "$dir"/usr/share "$dir"/usr/lib/*/{perl*,gconv} "$dir"/usr/bin/perl* "$dir"/var/lib/dpkg
		guest_settle "$dir"
		archive "$dir" "$dir.cpio" || return
	fi
	echo "$dir.cpio"
}

# guest_settle DIR does what the packages' scripts would have done.
guest_settle() {
	ln -sf dash "$1/bin/sh"
	ln -sf mawk "$1/usr/bin/awk"
	mkdir -p "$1"/{proc,sys,dev,tmp,run,root,etc,mnt}
	chmod 1777 "$1/tmp"
	echo root:x:0:0::/root:/bin/sh >"$1/etc/passwd"
	echo root:x:0: >"$1/etc/group"
	touch "$1/etc/subuid" "$1/etc/subgid"
}

# guest_archive ARCH KERNEL VARIANT PLAN FILE makes what a guest unpacks: its Debian, a variant's test binaries, and the plan
# that says which of them run as whom.
guest_archive() {
	local arch=$1 kernel=$2 variant=$3 plan=$4 file=$5 dir module
	dir=$(mktemp -d "$stage/guest.XXXXXX")
	mkdir -p "$dir"/guest/{bin,src,modules}
	cp -r test/guest/. scripts/lib/identity.sh "$dir/guest/"
	[[ ! -e $stage/selinux.policy ]] || cp "$stage/selinux.policy" "$dir/guest/"
	find "$stage/bin/$variant" -name '*.test' -exec cp -t "$dir/guest/bin/" {} +
	cp -r "$stage"/src/{ns,nsenter,internal,cmd} "$dir/guest/src/"
	while read -r module; do
		case $module in
		*.xz) xz -dc "$module" ;;
		*) cat "$module" ;;
		esac >"$dir/guest/modules/overlay.ko"
	done < <(find "$kernel" -name 'overlay.ko*')
	echo "$plan" >"$dir/guest/plan"
	chmod -R a+rX "$dir"
	archive "$dir" "$dir.cpio"
	cat "$(guest_root "$arch")" "$dir.cpio" >"$file"
	rm -rf "$dir" "$dir.cpio"
}

# archive DIR FILE writes what the kernel unpacks.
archive() { (cd "$1" && find . | cpio --quiet --create --format newc --owner 0:0) >"$2.part" && mv "$2.part" "$2"; }

# guest_boot ARCH KERNEL INITRD [WORD...] boots a guest and prints its console; the words are for the kernel's command line.
#
# Its processors take turns in one thread. With a thread each, one may execute what another is just patching: a kernel of 7.2
# ended so, in a jump that a static branch had become by half. That also takes more time, since they wait for each other.
#
# Addresses are not random: what has been translated is found by its virtual address again, so that each execution of a
# program at another one would be translated anew, which takes more than half of the time.
guest_boot() {
	local arch=$1 kernel=$2 initrd=$3 console machine
	shift 3
	case $arch in
	amd64) console=ttyS0 machine=(qemu-system-x86_64 -cpu max) ;;
	arm64) console=ttyAMA0 machine=(qemu-system-aarch64 -machine virt -cpu cortex-a72) ;;
	esac
	timeout --kill-after=5 "${NSEXEC_GUEST_TIMEOUT:-7200}" "${machine[@]}" -accel tcg,thread=single -m 2048 -smp 2 \
		-nographic -no-reboot -nodefaults -serial stdio -monitor none \
		-kernel "$(find "$kernel" -name 'vmlinuz*')" -initrd "$initrd" \
		-append "console=$console quiet panic=-1 mitigations=off nokaslr norandmaps random.trust_cpu=on rdinit=/guest/init $*" </dev/null
}

# core is what runs where minutes count: what depends on the kernel, and on how it was built, most.
core='^Test(Features|EveryType|AllTypes|AllOf|OwnNamespaces|Containers|Topologies|MixedHandles|CreateEachType|CreateOnTop'
core+='|Problem24|LauncherInTopologies|LauncherInContainers|LauncherMountsNothing|FuncRunsInTargets|FuncResultWhereStatus|Reexec$'
core+='|ReexecChild$|ReexecUnshared$|CloneJoins$|ExitCodes|WaitWhereSIGCHLD|WaitBesideRogue|PayloadIsNotDumpable'
core+='|NothingIsLeft|TargetCanDie|TargetThatDies|NobodyHasTheVariable|BadPrograms|MapRanges$|MapAuto$|InitIsProcess1'
core+='|Demo$|ExecEntersAll|RunCreatesEach)'

# in_extent EXTENT IMPORT: the core is without the tests of the tests' own tools, which know no kernel and no build.
in_extent() { [[ $1:$2 != core:*/internal/testutil ]]; }

# extent_flags EXTENT IMPORT is what keeps a package's tests to that: whole, core, or a pattern. The core has no second run
# of ns in which all kernels are as old.
extent_flags() {
	case $1:$2 in
	core:*/nsenter | core:*/cmd/*) echo "-test.run=$core" ;;
	core:*/ns) echo '-test.skip=^TestOnOldKernel$' ;;
	core:* | whole:*) ;;
	*) echo "-test.run=$1" ;;
	esac
}

# guest_plan EXTENT IDENTITY... says what runs in a guest: the library's and the command's tests, whole or core, as each.
guest_plan() {
	local extent=$1 who name dir import flags
	shift
	for who in "$@"; do
		while read -r name dir import; do
			in_extent "$extent" "$import" || continue
			flags="-test.short -test.timeout=60m $(extent_flags "$extent" "$import")"
			echo "$who $import $dir ${name##*/} $flags"
		done < <(list_tests . ./...)
	done
}

# guest_tools installs what guests take.
guest_tools() {
	scripts/need.sh qemu-system-x86_64 cpio xz
	[[ $1 != arm64 ]] || scripts/need.sh qemu-system-aarch64 aarch64-linux-gnu-gcc
}

# guest_fetch SUITE ARCH gets all that a guest takes, and prints its kernel's directory. One at a time: it is kept in .build.
guest_fetch() (
	mkdir -p "$guests"
	exec 9>"$guests/lock"
	flock 9
	guest_tools "$2" >&2 && guest_root "$2" >/dev/null && guest_kernel "$1" "$2"
)

# guest_suite SUITE ARCH VARIANT PLAN [WORD...] runs the plan in a guest, and counts; it may do so beside others. Where there
# is no mirror or no emulator that is a skip, but not where everything must work.
guest_suite() {
	local suite=$1 arch=$2 variant=$3 plan=$4 why kernel room
	shift 4
	room=$(mktemp -d "$stage/room.XXXXXX")
	if ! why=$(guest_fetch "$suite" "$arch" 2>&1 >"$room/kernel"); then
		unable "guest with the kernel of $suite on $arch" "$why"
		return 0
	fi
	compile "$variant" || return 0
	kernel=$(<"$room/kernel")
	guest_archive "$arch" "$kernel" "$variant" "$plan" "$room/initrd"
	local before=("$passed" "$failed" "$skipped")
	if ! guest_run "$arch" "$kernel" "$@"; then
		echo "      a kernel may crash or hang under emulation: once more"
		passed=${before[0]} failed=${before[1]} skipped=${before[2]}
		[[ -z ${record:-} ]] || forget
		guest_run "$arch" "$kernel" "$@" || true # it has been counted
	fi
	rm -rf "$room"
}

# guest_run ARCH KERNEL [WORD...] boots the archive in guest_suite's room, and counts what ran.
guest_run() {
	guest_results "$1" < <(guest_boot "$1" "$2" "$room/initrd" "${@:3}" | stdbuf -oL tr -d '\r')
}

# guest_results reads a guest's console, and counts what ran there. It fails if the guest has not come to its end.
guest_results() {
	local line running='' who import status took log=$room/log ended=no
	: >"$log"
	system="kernel of Debian, $1"
	while IFS= read -r line; do
		case $line in
		"=== kernel "*) system="$(grep -oE '[0-9]+\.[0-9]+' <<<"$line" | head -n 1), $1" ;;
		"=== run "*)
			read -r _ _ who import <<<"$line"
			running=$import
			: >"$log"
			;;
		"=== end "*)
			read -r _ _ status took <<<"$line"
			count_tests "$import as $who on $system" "$who" "$status" "$took" "$log"
			running=''
			;;
		"=== done") ended=yes ;;
		*) echo "$line" >>"$log" ;;
		esac
	done
	[[ $ended == no ]] || return 0
	failed=$((failed + 1))
	echo "FAIL  ${running:-boot} on $system: it ended before it could say how"
	tail -n 40 "$log"
	return 1
}
