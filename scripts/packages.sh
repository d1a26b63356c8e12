# shellcheck shell=sh disable=SC2034
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

# Installs those of the named packages that are missing.
install_missing() {
	installed=$(dpkg-query -W -f='${db:Status-Status} ${Package}\n' "$@" 2>/dev/null || true)
	missing=
	for package in $(printf '%s\n' "$@" | sort -u); do
		printf '%s\n' "$installed" | grep -qx "installed $package" ||
			missing="$missing $package"
	done
	[ -n "$missing" ] || return 0
	become_root "install$missing"
	echo "installing$missing"
	$as_root apt-get update -qq
	# shellcheck disable=SC2086 # words are meant
	$as_root env DEBIAN_FRONTEND=noninteractive apt-get install -qq -y --no-install-recommends \
		$missing >/dev/null
}

missing_toolchains() {
	command -v go >/dev/null || echo golang-go
	command -v mvn >/dev/null || echo maven
	command -v javac >/dev/null || echo default-jdk-headless
	command -v cargo >/dev/null || echo cargo-web rustc-web
	command -v npm >/dev/null || echo nodejs npm
}

release_name() {
	(. /etc/os-release && echo "$VERSION_CODENAME")
}

# The archive that this machine installs from, in the release that it runs, for mmdebstrap.
own_release() {
	apt-get indextargets --format 'deb $(REPO_URI) $(RELEASE) $(COMPONENT)' \
		'Created-By: Packages' 'Origin: Debian' "Codename: $(release_name)" | sort -u
}

# ---- lists, for the scripts that source this ----------------------------------------------------

build_packages="autoconf automake libtool pkg-config gcc g++ libc6-dev make xz-utils"

# make check, and the lint step.
test_packages="check uuid-dev libjansson-dev python3 perl patch procps mandoc bash-completion \
	bsdutils util-linux binutils btrfs-progs e2fsprogs"
lint_packages="clang-format shellcheck black rubocop lua-check universal-ctags mandoc git"

# The modules for zookeeper:, etcd: and consul:.
module_packages="libcurl4-openssl-dev libjansson-dev libzookeeper-st-dev"

# The daemon: its libraries, the clients and servers its tests use, and what deploy/ is for.
daemon_build_packages="libuv1-dev libssl-dev libyaml-dev libjansson-dev node-llhttp \
	libnghttp2-dev libprotobuf-c-dev protobuf-c-compiler zlib1g-dev"
daemon_packages="$daemon_build_packages python3-jsonschema python3-yaml curl openssl chrony \
	chromium haproxy nginx-light prometheus systemd protobuf-compiler python3-grpcio \
	python3-protobuf"

# tests/coordinators: services that assign workers, and what breaks clocks and networks. Debian 12
# has no Consul: tests/coordinators/servers.py fetches the package of Debian 11.
coordinator_packages="etcd-client etcd-server openjdk-17-jre-headless libzookeeper-java \
	libslf4j-java faketime iproute2 nftables"

# What the bindings are built with, and what their tests need besides. ldoc runs with Lua 5.1 or 5.2
# only.
python_build_packages="swig python3-dev"
python_packages="$python_build_packages python3-setuptools python3-wheel python3-venv mypy \
	python3-numpy python3-sqlalchemy python3-gunicorn python3-uvicorn uwsgi-plugin-python3"
ruby_build_packages="swig ruby ruby-dev"
ruby_packages="$ruby_build_packages ruby-minitest ruby-activerecord ruby-sqlite3 yard puma"
lua_build_packages="swig lua5.4 liblua5.4-dev"
lua_packages="$lua_build_packages lua5.3 liblua5.3-dev luajit2 lua-cjson lua-posix luarocks \
	lua-ldoc lua5.1 lua-markdown nginx-light libnginx-mod-http-lua curl"

other_compilers="clang libclang-rt-14-dev valgrind"
model_packages="spin abigail-tools"
debian_packages="mmdebstrap lintian autopkgtest util-linux"
architecture_packages="mmdebstrap gcc-i686-linux-gnu gcc-s390x-linux-gnu gcc-aarch64-linux-gnu \
	qemu-user-static musl-tools linux-libc-dev"

# tests/clients. Those with the toolchains are needed only where there are no others: see
# missing_toolchains(). cargo-web and rustc-web are newer than cargo and rustc.
client_packages="openssl protobuf-compiler python3-grpcio python3-protobuf python3-venv"
toolchain_packages="golang-go maven default-jdk-headless cargo-web rustc-web nodejs npm"

all_packages="$build_packages $test_packages $lint_packages $module_packages $daemon_packages \
	$python_packages \
	$coordinator_packages $ruby_packages $lua_packages $other_compilers $model_packages \
	$debian_packages $architecture_packages"
