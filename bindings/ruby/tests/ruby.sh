#!/bin/sh
# Runs the tests of the Ruby library in the build tree. In installed directories, runs those that
# call each function: whether they are whole, and found.
# Usage: ruby.sh [LIB-DIRECTORY ARCH-DIRECTORY]
# SPDX-License-Identifier: MIT
set -eu
: "${top_srcdir:?make check sets it}" "${top_builddir:?}" "${RUBY:?}"
installed=$#
if [ $# -eq 0 ]; then
	set -- "$top_srcdir/bindings/ruby/lib" "$top_builddir/bindings/ruby/tree"
	export LD_LIBRARY_PATH="$top_builddir/.libs"
fi
# A module with AddressSanitizer needs it preloaded, because the interpreter is not built with it.
# The interpreter's own leaks do not matter.
case ${SANITIZERS-} in
*address*)
	preload=$($CC -print-file-name=libasan.so)
	export ASAN_OPTIONS="detect_leaks=0:quarantine_size_mb=1:use_sigaltstack=0:${ASAN_OPTIONS-}"
	;;
*) preload= ;;
esac
lib=$1 arch=$2
ruby() {
	env ${preload:+LD_PRELOAD="$preload"} "$RUBY" -I"$lib" -I"$arch" "$@"
}
status=0
ruby -w "$top_srcdir/tests/conformance/run_ruby.rb" || status=1
if readelf -d "$arch/snowid/native.so" | grep -q 'NEEDED.*\[libruby'; then
	echo "ok - the module links to Ruby's library"
else
	echo "not ok - the module does not link to Ruby's library"
	status=1
fi

tests=$top_srcdir/bindings/ruby/tests
if [ "$installed" -gt 0 ]; then
	ruby -w "$tests/helper.rb" "$tests"/test_[gv]*.rb || status=1
	exit $status
fi
ruby -w "$tests/helper.rb" "$tests"/test_*.rb || status=1

active_record() {
	WORKER=1 ruby "$top_srcdir/bindings/ruby/examples/active_record.rb"
}
wanted="first, second
2
0
true"
if [ "$(active_record 2>&1)" = "$wanted" ]; then
	echo "ok - the example active_record"
else
	echo "not ok - the example active_record"
	active_record || true
	status=1
fi
"$tests/puma.sh" env ${preload:+LD_PRELOAD="$preload"} "$RUBY" -I"$lib" -I"$arch" || status=1
exit $status
