#!/bin/bash
# The binary interface is what libsnowid.abi describes, and programs that were built with headers of
# earlier releases run.
#
#     tests/interface/abi.sh            needs abidiff, from the package abigail-tools
#     tests/interface/abi.sh --update   writes libsnowid.abi again if functions were added, and a
#                                       copy of the header of the coming release
#
# SPDX-License-Identifier: MIT
cd "$(dirname "$0")/../.."
top_srcdir=. top_builddir=.
. tests/interface/check.sh
description=libsnowid/libsnowid.abi

# Those of the library, and not of modules.
sources() { # sources TREE
	sed -n '/^libsnowid_internal_la_SOURCES/,/[^\\]$/p' "$1/Makefile.am" |
		grep -o '[^[:space:]]*\.c' | sed "s|^|$1/|"
}

# Builds the library of a tree with debug information. How it is optimized makes no difference.
build() { # build TREE LIBRARY
	local files
	mapfile -t files < <(sources "$1")
	"${CC:-gcc}" -std=gnu11 -D_GNU_SOURCE -g -O0 -w -fPIC -shared -fvisibility=hidden -pthread \
		-I"$1/include" -I"$1" -Wl,-soname,libsnowid.so.0 \
		-DSN_MODULE_DIRECTORY='"/usr/lib/libsnowid-0"' \
		-Wl,--version-script="$1/libsnowid/libsnowid.sym" -o "$2" \
		"${files[@]}"
}

# Without debug information abidiff compares only names, and finds no difference.
has_types() { # has_types LIBRARY
	readelf --section-headers --wide "$1" | grep -q ' \.debug_info ' && return
	echo "$1 has no debug information: build it with -g"
	return 1
}

describe() { # describe TREE LIBRARY
	has_types "$2" && abidw --exported-interfaces-only --headers-dir "$1/include" \
		--drop-private-types --no-corpus-path --no-comp-dir-path --no-show-locs \
		--type-id-style hash "$2"
}

compare() { # compare TREE LIBRARY [ABIDIFF-OPTION...]
	describe "$1" "$2" >"$tmp/described" || { cat "$tmp/described"; return 1; }
	abidiff --harmless "${@:3}" "$description" "$tmp/described"
}

version_of() { # version_of HEADER
	sed -n 's/^#define SNOWID_VERSION_M[A-Z]* //p' "$1" | paste -sd .
}

without_comments() {
	"${CC:-gcc}" -w -fpreprocessed -dD -E -P include/snowid.h
}

if [ "${1-}" = --update ]; then
	build . "$tmp/libsnowid.so"
	if [ -e "$description" ] && ! compare . "$tmp/libsnowid.so" --no-added-syms; then
		cat >&2 <<-END
			The existing interface has changed. Programs that use it would break,
			so a release needs another soname (see CONTRIBUTING.md). If no release
			has it yet, remove $description first.
		END
		exit 1
	fi
	describe . "$tmp/libsnowid.so" >"$tmp/new"
	mv "$tmp/new" "$description"
	without_comments >"tests/interface/snowid-$(version_of include/snowid.h).h"
	exit
fi

every_function() {
	sed -n 's/^[[:space:]]*\(snowid_[a-z0-9_]*\);$/\1/p' libsnowid/libsnowid.sym |
		sort >"$tmp/map"
	sed -n "s/^ *<function-decl name='\([a-z0-9_]*\)'.* elf-symbol-id=.*/\1/p" "$description" |
		sort | diff "$tmp/map" -
}

one_structure() {
	local names
	names=$(sed -n "/is-declaration-only='yes'/d
		s/^ *<\(class\|union\)-decl name='\([^']*\)'.*/\2/p" "$description")
	[ "$names" = snowid_id128 ]
}

# A copy of the library with a change does not pass.
refuses() { # refuses SED-SCRIPT FILE...
	rm -rf "$tmp/tree"
	mkdir "$tmp/tree"
	cp -R include libsnowid Makefile.am "$tmp/tree"
	(cd "$tmp/tree" && sed -i "$1" "${@:2}" && ! diff -r include "$OLDPWD/include") &&
		build "$tmp/tree" "$tmp/changed.so" && ! compare "$tmp/tree" "$tmp/changed.so"
}

refuses_stripped() {
	objcopy --strip-debug "$tmp/libsnowid.so" "$tmp/stripped.so"
	abidiff "$description" "$tmp/stripped.so" >/dev/null && ! compare . "$tmp/stripped.so"
}

check "the library builds" build . "$tmp/libsnowid.so"
check "the interface is what $description describes" compare . "$tmp/libsnowid.so"
check "$description describes each function" every_function
check "the only public structure is snowid_id128" one_structure
check "a changed parameter is noticed" refuses 's/snowid_strerror(int /snowid_strerror(long /' \
	include/snowid.h libsnowid/base/error.c
check "a changed value is noticed" refuses \
	's/SNOWID_LAYOUT_UNIT_NS,/& SNOWID_LAYOUT_NEW,/' include/snowid.h
check "a missing function is noticed" refuses 's/snowid_layout_preset/snowid_layout_builtin/' \
	include/snowid.h libsnowid/id/layout_spec.c libsnowid/config.c libsnowid/libsnowid.sym
check "a library without debug information is refused, although abidiff accepts it" refuses_stripped

# ---- programs of earlier releases --------------------------------------------------------------

functions() { # functions HEADER
	"${CC:-gcc}" -E -P -x c "$1" | grep -oE 'snowid_[a-z0-9_]+ ?\(' | tr -d ' (' | sort -u
}

# The names of the numbers that a program has compiled in.
constants() { # constants HEADER
	sed -nE 's/^(#define|)[[:space:]]*(SNOWID_[A-Z0-9_]+)( [0-9]|,| =|$).*/\2/p' "$1" |
		grep -vE '^SNOWID_(H|VERSION_.*)$' | sort -u
}

values() { # values HEADER NAME...
	{
		printf '#include <stdio.h>\n#define NAME(x) #x, (long long)x\n'
		printf '#include "%s"\nint main(void)\n{\n' "$(realpath "$1")"
		printf '\tprintf("%%s %%lld\\n", NAME(%s));\n' "${@:2}"
		printf '}\n'
	} >"$tmp/values.c"
	"${CC:-gcc}" -w -o "$tmp/values" "$tmp/values.c" && "$tmp/values"
}

same_constants() { # same_constants HEADER
	mapfile -t names < <(constants "$1")
	[ "${#names[@]}" -gt 30 ] || return
	values "$1" "${names[@]}" >"$tmp/old" &&
		values include/snowid.h "${names[@]}" >"$tmp/new" && diff "$tmp/old" "$tmp/new"
}

# The symbol file of a release: each function is in the node of the first release that had it.
nodes() { # nodes HEADER
	local each new node before=
	: >"$tmp/then/seen"
	for each in $(printf '%s\n' tests/interface/snowid-*.h | sort -V); do
		new=$(functions "$each" | comm -23 - "$tmp/then/seen")
		if [ -n "$new" ]; then
			node=SNOWID_$(version_of "$each")
			echo "$node { $(echo "$new" | sed 's/$/;/') } $before;"
			before=$node
		fi
		functions "$each" >"$tmp/then/seen"
		[ "$each" != "$1" ] || return 0
	done
}

# Builds a program against a stub of the library of that release, so that it asks for the symbols
# and versions of that release, and runs it with the library of today.
old_program() { # old_program HEADER
	mkdir -p "$tmp/then" "$tmp/now"
	cp "$1" "$tmp/then/snowid.h"
	functions "$1" | sed 's/.*/void &(void) {}/' >"$tmp/then/stub.c"
	nodes "$1" >"$tmp/then/stub.sym"
	"${CC:-gcc}" -w -shared -fPIC -Wl,-soname,libsnowid.so.0 \
		-Wl,--version-script="$tmp/then/stub.sym" -o "$tmp/then/libsnowid.so" \
		"$tmp/then/stub.c" || return
	# So that the program asks also for the functions that it does not call.
	{
		echo "const void *const every_function[] = {"
		functions "$1" | sed 's/.*/\t(const void *)&,/'
		echo "};"
	} >"$tmp/then/names.h"
	"${CC:-gcc}" -Wall -Wextra -Werror -I"$tmp/then" -o "$tmp/then/program" \
		tests/interface/program.c -L"$tmp/then" -lsnowid -Wl,-z,now || return
	cp "$tmp/libsnowid.so" "$tmp/now/libsnowid.so.0"
	(cd "$tmp" && LD_LIBRARY_PATH=$tmp/now then/program)
}

# Until a release is out, its header may change, and the copy with it. The copy has no comments.
is_kept() { # is_kept HEADER
	[ "$(version_of "$1")" != "$(version_of include/snowid.h)" ] ||
		without_comments | diff "$1" -
}

for header in tests/interface/snowid-*.h; do
	release=$(version_of "$header")
	check "the copy of the header of $release is unchanged" is_kept "$header"
	check "the constants of $release have the same values today" same_constants "$header"
	check "a program that was built with $release runs" old_program "$header"
done
exit $status
