#!/bin/bash
# Shows that a row can fail: mutant.sh MUTANT.patch [SERVICE:]ROW... runs rows of test_faults.py
# with an owner whose library lacks a safety mechanism. By hand, as races may need several tries:
#
#     top_srcdir=.. ../tests/coordinators/mutant.sh ../tests/mutants/lease-floor.patch killed
#
# Runs where the tests have been built. Fails if no row of some service fails.
# SPDX-License-Identifier: MIT
set -eu
: "${top_srcdir:?where the source is}"
patch=$1
shift
tree=tests/coordinators/$(basename "$patch" .patch).tree
rm -rf "$tree"
mkdir -p "$tree"
trap 'rm -rf "$tree"' EXIT

cp -r "$top_srcdir/libsnowid" "$top_srcdir/include" "$tree"
chmod -R u+w "$tree"
patch -F0 --quiet --no-backup-if-mismatch -p1 -d "$tree" <"$patch"

# Runs a shell command, of one line, in which make's variables are expanded.
with_make() {
	MAKEFLAGS='' make -s with-variables COMMAND="$(echo "$1" | tr '\n' ' ')"
}

with_make "for source in \$(libsnowid_internal_la_SOURCES); do
		case \$\$source in *.c) echo \$\$source ;; esac;
	done | xargs -P2 -I{} sh -c '\$(CC) -I$tree \$(DEFS) -I. -I$tree/include \$(CPPFLAGS)
		-DSN_MODULE_DIRECTORY=\"\\\"/nowhere\\\"\"
		\$(AM_CFLAGS) \$(CFLAGS) -w -c -o $tree/\`echo {} | tr / -\`.o $tree/{}'"
with_make "\$(CC) -I$tree/include \$(AM_CFLAGS) \$(CFLAGS) -w -o $tree/owner
	\$(srcdir)/tests/coordinators/owner.c $tree/*.o \$(LIBS) -ldl -lpthread"

export top_builddir=. OWNER="$PWD/$tree/owner"
if "$top_srcdir/tests/coordinators/test_faults.py" "$@"; then
	echo "not ok - no row notices $(basename "$patch")"
	exit 1
fi
echo "ok - a row notices $(basename "$patch")"
