# shellcheck shell=sh
# SPDX-License-Identifier: MIT
# Sourced by the other scripts: what they need of Debian.

become_root() { # become_root WHAT FOR: sets as_root to what runs a command as root
	if [ "$(id -u)" -eq 0 ]; then
		as_root=
	elif command -v sudo >/dev/null; then
		as_root=sudo
	else
		echo "$0: to $1, be root or have sudo" >&2
		exit 1
	fi
}

# Installs what is missing of the named packages, and no more.
install_missing() {
	missing=
	for package in "$@"; do
		status=$(dpkg-query -W -f='${db:Status-Status}' "$package" 2>/dev/null || true)
		[ "$status" = installed ] || missing="$missing $package"
	done
	[ -n "$missing" ] || return 0
	become_root "install$missing"
	echo "installing$missing"
	$as_root apt-get update -qq
	# shellcheck disable=SC2086 # words are meant
	$as_root env DEBIAN_FRONTEND=noninteractive apt-get install -qq -y --no-install-recommends \
		$missing >/dev/null
}

# The archive that this machine installs from, in the release that it runs, for mmdebstrap.
own_release() {
	apt-get indextargets --format 'deb $(REPO_URI) $(RELEASE) $(COMPONENT)' 'Created-By: Packages' \
		'Origin: Debian' "Codename: $(. /etc/os-release && echo "$VERSION_CODENAME")" | sort -u
}

# shellcheck disable=SC2034 # used by who sources this
build_packages="autoconf automake libtool pkg-config gcc g++ libc6-dev make xz-utils"
# shellcheck disable=SC2034
ruby_packages="ruby ruby-dev ruby-minitest ruby-activerecord ruby-sqlite3 yard puma"
# shellcheck disable=SC2034
lua_packages="lua5.4 liblua5.4-dev lua5.3 liblua5.3-dev luajit2 lua-cjson lua-posix luarocks \
	lua-ldoc lua-markdown nginx-light libnginx-mod-http-lua curl procps"
# shellcheck disable=SC2034
python_packages="swig python3-dev python3-setuptools python3-wheel python3-venv mypy python3-numpy python3-sqlalchemy"

# The daemon: its libraries, the clients and servers its tests use, and what deploy/ is for.
# shellcheck disable=SC2034
daemon_packages="libuv1-dev libssl-dev libjansson-dev libyaml-dev node-llhttp python3 python3-jsonschema curl openssl chrony \
	chromium haproxy nginx-light prometheus systemd"

# shellcheck disable=SC2034
debian_packages="mmdebstrap lintian autopkgtest util-linux"
# shellcheck disable=SC2034
architecture_packages="mmdebstrap gcc-i686-linux-gnu gcc-s390x-linux-gnu qemu-user-static musl-tools linux-libc-dev"
