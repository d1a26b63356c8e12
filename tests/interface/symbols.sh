#!/bin/sh
# The functions of snowid.h, the names in libsnowid.sym and the symbols of the library are the same.
# SPDX-License-Identifier: MIT
. "${top_srcdir:?make check sets it}/tests/interface/check.sh"

${CC:-cc} -E -P -x c "$top_srcdir/include/snowid.h" |
	grep -oE 'snowid_[a-z0-9_]+ ?\(' | tr -d ' (' | sort -u >"$tmp/header"
sed -n 's/^[[:space:]]*\(snowid_[a-z0-9_]*\);$/\1/p' "$top_srcdir/libsnowid/libsnowid.sym" |
	sort >"$tmp/map"
nm -D --defined-only "$top_builddir/.libs/libsnowid.so" | awk '$2 != "A" {print $3}' |
	sed 's/@.*//' | sort >"$tmp/library"
nm -D --defined-only "$top_builddir/.libs/libsnowid.so" | grep ' T ' >"$tmp/versioned"

unversioned() {
	grep -v "@@SNOWID_[0-9.]*$" || true
}
check "the header has functions" test "$(wc -l <"$tmp/header")" -gt 60
check "the header and the symbol file agree" diff "$tmp/header" "$tmp/map"
check "the library exports what the header declares" diff "$tmp/header" "$tmp/library"
check "every symbol is versioned" nothing "$tmp/versioned" unversioned
exit $status
