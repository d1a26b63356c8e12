#!/bin/sh
# An installed tree serves C and C++ programs through pkg-config alone, needs libc alone, has what
# systemd starts the daemon with, and is gone after uninstall.
# SPDX-License-Identifier: MIT
set -eu
: "${top_srcdir:?make check sets it}" "${top_builddir:?}"
tmp=$(mktemp -d)
trap 'rm -rf "$tmp"' EXIT
status=0
ok() {
	echo "ok - $1"
}
not_ok() {
	echo "not ok - $1"
	status=1
}

make -C "$top_builddir" DESTDIR="$tmp/root" install >"$tmp/install.log" 2>&1 ||
	{ cat "$tmp/install.log"; exit 1; }
pc=$(find "$tmp/root" -name snowid.pc)
libdir=$(dirname "$(dirname "$pc")")
export PKG_CONFIG_PATH="$libdir/pkgconfig" PKG_CONFIG_SYSROOT_DIR="$tmp/root"
export LD_LIBRARY_PATH="$libdir"

cat >"$tmp/program.c" <<'PROGRAM'
#include <stdio.h>
#include <snowid.h>

int main(void)
{
	struct snowid_config *config;
	struct snowid_generator *generator;
	uint64_t id = 0, worker = 0;
	int error = snowid_config_new(&config);
	if (!error)
		error = snowid_config_set_field(config, "worker", 7);
	if (!error)
		error = snowid_generator_new(config, &generator);
	if (!error)
		error = snowid_generator_next(generator, &id);
	if (!error)
		error = snowid_generator_field(generator, "worker", &worker);
	printf("%d %d %d %s\n", error, id >> 12 & 31 ? 1 : 0, (int)worker, snowid_version());
	return error || worker != 7 || (id >> 12 & 31) != 7;
}
PROGRAM
cp "$tmp/program.c" "$tmp/program.cc"

for compiler in "${CC:-cc} $tmp/program.c" "${CXX:-c++} $tmp/program.cc"; do
	# shellcheck disable=SC2086,SC2046 # words are meant
	if $compiler -Wall -Wextra -Werror -o "$tmp/program" $(pkg-config --cflags --libs snowid) &&
		"$tmp/program" >"$tmp/out"; then
		ok "$compiler: $(cat "$tmp/out")"
	else
		not_ok "$compiler"
	fi
done

mandir=$(find "$tmp/root" -type d -name man3)
sed -n 's/^\.Fn \(snowid_[a-z0-9_]*\)\( [,:;]\)*$/\1.3/p' "$mandir/libsnowid.3" |
	sort -u >"$tmp/functions"
while read -r page; do
	refers=$(sed -n 's/^\.so //p' "$mandir/$page") || true
	if ! grep -q '^\.Dt' "$mandir/../${refers:-man3/$page}"; then echo "$page"; fi
done <"$tmp/functions" >"$tmp/lost" 2>&1
if [ -s "$tmp/functions" ] && [ ! -s "$tmp/lost" ]; then
	ok "each function has a man page"
else
	not_ok "man pages are missing: $(cat "$tmp/lost")"
fi

version=$(pkg-config --modversion snowid)
if [ "$(cut -d' ' -f4 "$tmp/out")" = "$version" ]; then
	ok "header, library and pkg-config say $version"
else
	not_ok "pkg-config says $version, the library otherwise"
fi

foreign=$(ldd "$libdir/libsnowid.so" | grep -vE 'libc\.|ld-|linux-(vdso|gate)' || true)
if [ -z "$foreign" ]; then
	ok "libsnowid needs libc alone"
else
	not_ok "libsnowid needs $foreign"
fi

if readelf -d "$libdir/libsnowid.so" | grep -q NODELETE; then
	ok "libsnowid is not unloaded"
else
	not_ok "libsnowid lacks NODELETE"
fi

if "$(find "$tmp/root" -path '*/bin/snowid')" -k ulid >"$tmp/out" &&
	grep -qE '^[0-9A-Z]{26}$' "$tmp/out"; then
	ok "the installed tool makes an ID"
else
	not_ok "the installed tool does not"
fi

# The unit that was installed, not its template: what it starts must be what was installed.
unit=$(find "$tmp/root" -name snowidd.service)
verify_unit() {
	program=$(sed -n 's/^ExecStart=//p' "$unit")
	[ -x "$tmp/root$program" ] || { echo "there is no $program"; return 1; }
	mkdir "$tmp/unit"
	sed "s|^\(ExecStart[A-Za-z]*=\)$program|\1$tmp/root$program|" "$unit" \
		>"$tmp/unit/snowidd.service"
	systemd-analyze verify --man=no "$tmp/unit/snowidd.service"
}
if [ -n "$unit" ]; then
	if verify_unit >"$tmp/out" 2>&1; then
		ok "the installed systemd unit starts the installed daemon"
	else
		cat "$tmp/out"
		not_ok "the installed systemd unit does not start the installed daemon"
	fi
fi

# What the notes after `make install` ask root to do, in the installed tree.
prefix=$(sed -n 's/^prefix = //p' "$top_builddir/Makefile")
prepares_a_system() {
	mkdir -p "$tmp/root/etc" && cd "$tmp/root$prefix/lib" || return
	systemd-sysusers --root="$tmp/root" "$PWD/sysusers.d/snowid.conf" || return
	grep '^snowid:' "$tmp/root/etc/passwd" || return
	[ "$(id -u)" -eq 0 ] || { echo "# skipped: tmpfiles.d needs root"; return; }
	systemd-tmpfiles --create --root="$tmp/root" "$PWD/tmpfiles.d/snowid.conf" || return
	user=$(stat -c %u "$tmp/root/var/lib/snowid")
	grep "^snowid:[^:]*:$user:" "$tmp/root/etc/passwd" &&
		[ "$(stat -c %a "$tmp/root/var/lib/snowid")" = 700 ] &&
		"$tmp/root$prefix/sbin/snowidd" --check-config \
			--config "$tmp/root/etc/snowid/snowidd.yaml"
}
if [ -n "$unit" ]; then
	outside=$(find "$tmp/root" -path "$tmp/root$prefix" -prune -o ! -type d -print)
	if [ -z "$outside" ]; then
		ok "nothing is installed outside the prefix"
	else
		not_ok "installed outside the prefix: $outside"
	fi
	if (prepares_a_system) >"$tmp/out" 2>&1; then
		ok "what is installed makes the daemon's user, directories and configuration"
		grep '^# skipped' "$tmp/out" || true
	else
		cat "$tmp/out"
		not_ok "what is installed does not make the daemon's user and directories"
	fi
	rm -rf "$tmp/root/etc" "$tmp/root/var"
fi

package=$(find "$tmp/root" -path '*-packages/snowid')

passes() { # passes LANGUAGE COMMAND...
	language=$1
	shift
	if "$@" >"$tmp/out" 2>&1; then
		ok "the installed $language package passes its tests"
	else
		cat "$tmp/out"
		not_ok "the installed $language package does not pass its tests"
	fi
}
parent() { # parent PATTERN: of the directory of the file, the one above
	find "$tmp/root" -path "$1" | head -n 1 | xargs dirname | xargs dirname
}
if [ -n "${PYTHON-}" ]; then
	passes Python "$top_srcdir/bindings/python/tests/python.sh" "$(dirname "$package")" \
		'test_[egv]*.py'
fi
if [ -e "$top_builddir/bindings/ruby/native.la" ]; then
	passes Ruby "$top_srcdir/bindings/ruby/tests/ruby.sh" "$(parent '*/snowid/generator.rb')" \
		"$(parent '*_ruby*/snowid/native.so')"
fi
if [ -e "$top_builddir/bindings/lua/snowid/cdef.lua" ]; then
	passes Lua "$top_srcdir/bindings/lua/tests/lua.sh" \
		"$(dirname "$(parent '*/lua/5.1/snowid/ffi.lua')")" \
		"$(dirname "$(parent '*/lua/5.[34]/snowid/native.so')")"
fi

make -C "$top_builddir" DESTDIR="$tmp/root" uninstall >/dev/null 2>&1
# The prefix may lie in a directory of the source's name, as that of distcheck does.
left=$(find "$tmp/root" ! -type d -o -name '*snowid*' ! -name 'libsnowid-[0-9]*')
if [ -z "$left" ]; then ok "uninstall leaves nothing"; else not_ok "uninstall leaves $left"; fi
exit $status
