# shellcheck shell=bash disable=SC2154
# SPDX-License-Identifier: MIT
# Sourced by scripts/debian: systems with nothing but apt, in memory.

systems=$(mktemp -d)
mount -t tmpfs -o mode=0755 systems "$systems"
trap 'umount --lazy "$systems"; rmdir "$systems"' EXIT

make_base() {
	own_release >"$systems/sources.list"
	mmdebstrap --mode=root --variant=apt --skip=cleanup/apt/lists \
		--aptopt='APT::Get::Assume-Yes "true"' \
		--aptopt='Acquire::Retries "3"' --aptopt='Acquire::Languages "none"' \
		"$(release_name)" "$systems/base" "$systems/sources.list"
}

new_system() { # new_system NAME
	cp -a "$systems/base" "$systems/$1"
	mount -t proc proc "$systems/$1/proc"
}

drop_system() {
	umount "$systems/$1/proc"
	rm -rf "${systems:?}/$1"
}

inside() { # inside NAME COMMAND...
	chroot "$systems/$1" "${@:2}"
}

install() { # install NAME PACKAGE...
	inside "$1" apt-get -qq -y --no-install-recommends install "${@:2}"
}
