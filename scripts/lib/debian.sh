# Packages of any Debian suite and architecture, from the mirror that this machine's apt is configured with. Lists and
# downloads have places of their own below .build: the system's apt stays as it is.
# shellcheck shell=bash

debian=$PWD/.build/debian

# in_debian SUITE ARCH COMMAND... runs an apt command that knows just that suite, and no package as installed.
in_debian() {
	local dir=$debian/$1-$2 program=$3
	shift 3
	"$program" -c "$dir/apt.conf" "$@"
}

# debian_lists SUITE ARCH makes the lists of a suite, and refreshes them once a day.
debian_lists() {
	local dir=$debian/$1-$2 mirror
	[[ -z $(find "$dir/fresh" -mmin -1440 2>/dev/null) ]] || return 0
	mirror=$(debian_mirror)
	[[ -n $mirror ]] || { echo "apt names no mirror of Debian" >&2; return 1; }
	mkdir -p "$dir/lists/partial" "$dir/archives/partial"
	: >"$dir/status"
	echo "deb [signed-by=/usr/share/keyrings/debian-archive-keyring.gpg] $mirror $1 main" >"$dir/sources.list"
	debian_config "$dir" "$2" >"$dir/apt.conf"
	in_debian "$1" "$2" apt-get -qq update && touch "$dir/fresh"
}

# debian_config: the system's settings stay (a proxy, say), but not the hooks that clean its archives.
debian_config() {
	cat <<-END
		#clear DPkg::Post-Invoke;
		#clear APT::Update::Post-Invoke;
		#clear APT::Update::Post-Invoke-Success;
		APT::Architecture "$2";
		APT::Architectures { "$2"; };
		APT::Sandbox::User "";
		APT::Update::Error-Mode "any";
		Acquire::Languages "none";
		Dir::Etc::SourceList "$1/sources.list";
		Dir::Etc::SourceParts "/dev/null";
		Dir::State::Lists "$1/lists";
		Dir::State::Status "$1/status";
		Dir::Cache "$1";
	END
}

# debian_release names this machine's own suite.
debian_release() { sed -n 's/^VERSION_CODENAME=//p' /etc/os-release; }

# debian_mirror prints the mirror that it comes from.
debian_mirror() {
	apt-get indextargets 'Created-By: Packages' "Release: $(debian_release)" --format '$(REPO_URI)' | head -n 1
}

# debian_download SUITE ARCH DIR PACKAGE... unpacks packages, without those they depend on.
debian_download() {
	local suite=$1 arch=$2 dir=$3 debs
	shift 3
	[[ ! -d $dir ]] || return 0
	debs=$(mktemp -d) || return
	(cd "$debs" && in_debian "$suite" "$arch" apt-get -qq download "$@") && unpack "$debs" "$dir.part" && mv "$dir.part" "$dir"
	rm -rf "$debs"
	[[ -d $dir ]]
}

# debian_unpack SUITE ARCH DIR PACKAGE... unpacks packages and all that they depend on. Nothing is installed, and none of
# their scripts is run.
debian_unpack() {
	local suite=$1 arch=$2 dir=$3
	shift 3
	in_debian "$suite" "$arch" apt-get -qq -y --no-install-recommends --download-only install "$@" >/dev/null &&
		unpack "$debian/$suite-$arch/archives" "$dir"
}

# unpack FROM TO unpacks all packages that lie in a directory.
unpack() {
	local deb
	mkdir -p "$2"
	for deb in "$1"/*.deb; do dpkg-deb --extract "$deb" "$2" || return; done
}
