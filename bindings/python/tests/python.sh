#!/bin/sh
# The tests of the Python package, in the build tree or where it is installed.
# python.sh [DIRECTORY [PATTERN]]
# SPDX-License-Identifier: MIT
set -eu
: "${top_srcdir:?make check sets it}" "${top_builddir:?}" "${PYTHON:?}"
if [ $# -eq 0 ]; then
	set -- "$top_builddir/bindings/python/tree"
	export LD_LIBRARY_PATH="$top_builddir/.libs"
fi
export PYTHONPATH="$1" PYTHONDONTWRITEBYTECODE=1 python_package="$1/snowid"
# A module with AddressSanitizer wants it to be there before the interpreter is, whose own memory is
# its own affair.
case ${SANITIZERS-} in
*address*)
	preload=$($CC -print-file-name=libasan.so)
	export ASAN_OPTIONS="detect_leaks=0:allocator_may_return_null=1:quarantine_size_mb=1:${ASAN_OPTIONS-}" PYTHONMALLOC=malloc
	;;
*) preload= ;;
esac
exec env ${preload:+LD_PRELOAD="$preload"} "$PYTHON" "$top_srcdir/bindings/python/tests/run.py" ${2+"$2"}
