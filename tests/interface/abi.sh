#!/bin/bash
# The binary interface: what libsnowid.abi describes, and a program that was built with the header of an
# earlier release.
#
#     tests/interface/abi.sh            needs abidiff, from the package abigail-tools
#     tests/interface/abi.sh --update   writes libsnowid.abi again if functions were added, and keeps the
#                                       header of the coming release
#
# SPDX-License-Identifier: MIT
set -eu
cd "$(dirname "$0")/../.."
description=libsnowid/libsnowid.abi
tmp=$(mktemp -d)
trap 'rm -rf "$tmp"' EXIT
failed=0

ok() { # ok NAME COMMAND...
	local name=$1
	shift
	if "$@" >"$tmp/log" 2>&1; then
		echo "ok - $name"
	else
		failed=1
		echo "not ok - $name"
		cat "$tmp/log"
	fi
}

# The library of a tree, with debug information: what is compared does not depend on how it is optimized.
build() { # build TREE LIBRARY
	"${CC:-gcc}" -std=gnu11 -D_GNU_SOURCE -g -O0 -w -fPIC -shared -fvisibility=hidden -pthread \
		-I"$1/include" -I"$1" -Wl,-soname,libsnowid.so.0 \
		-Wl,--version-script="$1/libsnowid/libsnowid.sym" -o "$2" "$1"/libsnowid/*.c "$1"/libsnowid/*/*.c
}

# Without debug information abidiff sees names alone, and says that all is well.
has_types() { # has_types LIBRARY
	readelf --section-headers --wide "$1" | grep -q ' \.debug_info ' && return
	echo "$1 has no debug information: build it with -g"
	return 1
}

describe() { # describe TREE LIBRARY
	has_types "$2" && abidw --exported-interfaces-only --headers-dir "$1/include" --drop-private-types --no-corpus-path \
		--no-comp-dir-path --no-show-locs --type-id-style hash "$2"
}

compare() { # compare TREE LIBRARY [ABIDIFF-OPTION...]
	describe "$1" "$2" >"$tmp/described" || { cat "$tmp/described"; return 1; }
	abidiff --harmless "${@:3}" "$description" "$tmp/described"
}

version_of() { # version_of HEADER
	sed -n 's/^#define SNOWID_VERSION_M[A-Z]* //p' "$1" | paste -sd .
}

without_comments() {
	"${CC:-gcc}" -fpreprocessed -dD -E -P include/snowid.h
}

if [ "${1-}" = --update ]; then
	build . "$tmp/libsnowid.so"
	if [ -e "$description" ] && ! compare . "$tmp/libsnowid.so" --no-added-syms; then
		echo "What has been there has changed. Programs that use it would break: a release needs another" >&2
		echo "soname for that (see CONTRIBUTING.md). If it has not been in a release, remove" >&2
		echo "$description first." >&2
		exit 1
	fi
	describe . "$tmp/libsnowid.so" >"$tmp/new"
	mv "$tmp/new" "$description"
	without_comments >"tests/interface/snowid-$(version_of include/snowid.h).h"
	exit
fi

every_function() {
	diff <(sed -n 's/^[[:space:]]*\(snowid_[a-z0-9_]*\);$/\1/p' libsnowid/libsnowid.sym | sort) \
		<(sed -n "s/^ *<function-decl name='\([a-z0-9_]*\)'.* elf-symbol-id=.*/\1/p" "$description" | sort)
}

one_structure() {
	[ "$(sed -n "/is-declaration-only='yes'/d; s/^ *<\(class\|union\)-decl name='\([^']*\)'.*/\2/p" "$description")" = snowid_id128 ]
}

# A copy of the library with a change must not pass.
refuses() { # refuses SED-SCRIPT FILE...
	rm -rf "$tmp/tree"
	mkdir "$tmp/tree"
	cp -R include libsnowid "$tmp/tree"
	(cd "$tmp/tree" && sed -i "$1" "${@:2}" && ! diff -r include "$OLDPWD/include") &&
		build "$tmp/tree" "$tmp/changed.so" && ! compare "$tmp/tree" "$tmp/changed.so"
}

refuses_stripped() {
	objcopy --strip-debug "$tmp/libsnowid.so" "$tmp/stripped.so"
	abidiff "$description" "$tmp/stripped.so" >/dev/null && ! compare . "$tmp/stripped.so"
}

ok "the library builds" build . "$tmp/libsnowid.so"
ok "its interface is the one of $description" compare . "$tmp/libsnowid.so"
ok "each function is described" every_function
ok "the one structure that programs see is the ID of 128 bits" one_structure
ok "a parameter that changes is noticed" refuses 's/snowid_strerror(int /snowid_strerror(long /' \
	include/snowid.h libsnowid/base/error.c
ok "a value that changes is noticed" refuses 's/SNOWID_LAYOUT_UNIT_NS,/& SNOWID_LAYOUT_NEW,/' include/snowid.h
ok "a function that is missing is noticed" refuses 's/snowid_layout_preset/snowid_layout_builtin/' \
	include/snowid.h libsnowid/id/layout_spec.c libsnowid/config.c libsnowid/libsnowid.sym
ok "a library without debug information is refused, though abidiff would pass it" refuses_stripped

# ---- programs of earlier releases --------------------------------------------------------------

functions() { # functions HEADER
	"${CC:-gcc}" -E -P -x c "$1" | grep -oE 'snowid_[a-z0-9_]+ ?\(' | tr -d ' (' | sort -u
}

# What a program has compiled into it: numbers with a name.
constants() { # constants HEADER
	sed -nE 's/^(#define|)[[:space:]]*(SNOWID_[A-Z0-9_]+)( [0-9]|,| =|$).*/\2/p' "$1" |
		grep -vE '^SNOWID_(H|VERSION_.*)$' | sort -u
}

values() { # values HEADER NAME...
	{
		printf '#include <stdio.h>\n#define NAME(x) #x, (long long)x\n#include "%s"\nint main(void)\n{\n' "$(realpath "$1")"
		printf '\tprintf("%%s %%lld\\n", NAME(%s));\n' "${@:2}"
		printf '}\n'
	} >"$tmp/values.c"
	"${CC:-gcc}" -w -o "$tmp/values" "$tmp/values.c" && "$tmp/values"
}

same_constants() { # same_constants HEADER
	mapfile -t names < <(constants "$1")
	[ "${#names[@]}" -gt 30 ] || return
	values "$1" "${names[@]}" >"$tmp/old" && values include/snowid.h "${names[@]}" >"$tmp/new" &&
		diff "$tmp/old" "$tmp/new"
}

# The symbol file of a release: each function in the node of the first that had it.
nodes() { # nodes HEADER
	local each new before=
	: >"$tmp/then/seen"
	for each in $(printf '%s\n' tests/interface/snowid-*.h | sort -V); do
		new=$(functions "$each" | comm -23 - "$tmp/then/seen")
		if [ -n "$new" ]; then
			echo "SNOWID_$(version_of "$each") { $(echo "$new" | sed 's/$/;/') } $before;"
			before=SNOWID_$(version_of "$each")
		fi
		functions "$each" >"$tmp/then/seen"
		[ "$each" != "$1" ] || return 0
	done
}

# The program is linked with what the library of that release looked like from outside, so that it asks
# for the symbols and versions of then.
old_program() { # old_program HEADER
	mkdir -p "$tmp/then" "$tmp/now"
	cp "$1" "$tmp/then/snowid.h"
	functions "$1" | sed 's/.*/void &(void) {}/' >"$tmp/then/stub.c"
	nodes "$1" >"$tmp/then/stub.sym"
	"${CC:-gcc}" -w -shared -fPIC -Wl,-soname,libsnowid.so.0 -Wl,--version-script="$tmp/then/stub.sym" \
		-o "$tmp/then/libsnowid.so" "$tmp/then/stub.c" || return
	# Names that are used nowhere are asked for as well.
	{
		echo "const void *const every_function[] = {"
		functions "$1" | sed 's/.*/\t(const void *)&,/'
		echo "};"
	} >"$tmp/then/names.h"
	"${CC:-gcc}" -Wall -Wextra -Werror -I"$tmp/then" -o "$tmp/then/program" tests/interface/program.c \
		-L"$tmp/then" -lsnowid -Wl,-z,now || return
	cp "$tmp/libsnowid.so" "$tmp/now/libsnowid.so.0"
	(cd "$tmp" && LD_LIBRARY_PATH=$tmp/now then/program)
}

# Until a release is out its header may change, and the copy with it: as it is, without comments.
is_kept() { # is_kept HEADER
	[ "$(version_of "$1")" != "$(version_of include/snowid.h)" ] || without_comments | diff "$1" -
}

for header in tests/interface/snowid-*.h; do
	release=$(version_of "$header")
	ok "the header of $release is kept as it was" is_kept "$header"
	ok "what has a value in $release has it now" same_constants "$header"
	ok "a program built with $release runs" old_program "$header"
done
exit $failed
