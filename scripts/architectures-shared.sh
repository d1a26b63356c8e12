# shellcheck shell=bash disable=SC2154
# SPDX-License-Identifier: MIT
# Sourced by scripts/architectures: this version for this machine, each release, and the builds for
# other machines draw from one state file.

# For this machine: this version, and each release.
releases=$(git -C "$top" tag --list 'v*' 2>/dev/null || true)

build_here() { # build_here NAME SOURCES
	rm -rf "${work:?}/$1"
	mkdir "$work/$1"
	# shellcheck disable=SC2086 # words are meant
	(cd "$work/$1" && "$2/configure" $options) && build "$1" all
}

build_all() {
	local tag
	build_here here "$top" || return
	for tag in $releases; do
		rm -rf "$work/$tag.source"
		mkdir "$work/$tag.source"
		git -C "$top" archive "$tag" | tar -C "$work/$tag.source" -xf - &&
			(cd "$work/$tag.source" && ./bootstrap) &&
			build_here "$tag" "$work/$tag.source" || return
	done
}

# As while a host is upgraded: all builds for machines of this byte order at once, i386 also by the
# emulator, which does not wipe a child's random bytes when it is asked to.
share() { # share KIND [OPTION...]
	local pids=() tool store=$work/shared.$1
	rm -rf "$store"
	mkdir "$store"
	for tool in here i386 musl $releases emulated arm64 arm64-pages here i386 musl; do
		case $tool in
		emulated) tool="qemu-i386-static $work/i386/.libs/snowid" ;;
		arm64) tool="$work/emulate.arm64 $work/arm64/snowid" ;;
		arm64-pages)
			tool="env QEMU_PAGESIZE=65536 $work/emulate.arm64 $work/arm64/snowid"
			;;
		*) tool=$work/$tool/snowid ;;
		esac
		# shellcheck disable=SC2086 # words are meant
		LD_LIBRARY_PATH=$work/i386/.libs $tool -n 20000 -k "$@" \
			--store "file:$store/state" >"$store/ids.${#pids[@]}" &
		pids+=($!)
	done
	for pid in "${pids[@]}"; do wait "$pid" || return; done
	cat "$store"/ids.* >"$store/all"
	[ "$(wc -l <"$store/all")" -eq $((20000 * ${#pids[@]})) ] &&
		[ -z "$(sort "$store/all" | uniq -d)" ]
}
