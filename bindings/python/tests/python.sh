#!/bin/sh
# Runs the tests of the Python package in the build tree or in an installed directory.
# Usage: python.sh [DIRECTORY [PATTERN]]
# SPDX-License-Identifier: MIT
set -eu
: "${top_srcdir:?make check sets it}" "${top_builddir:?}" "${PYTHON:?}"
if [ $# -eq 0 ]; then
	set -- "$top_builddir/bindings/python/tree"
	export LD_LIBRARY_PATH="$top_builddir/.libs"
fi
export PYTHONPATH="$1" PYTHONDONTWRITEBYTECODE=1 python_package="$1/snowid"
# A module with AddressSanitizer needs it preloaded, because the interpreter is not built with it.
# The interpreter's own leaks do not matter.
case ${SANITIZERS-} in
*address*)
	preload=$($CC -print-file-name=libasan.so)
	asan=detect_leaks=0:allocator_may_return_null=1:quarantine_size_mb=1
	export ASAN_OPTIONS="$asan:${ASAN_OPTIONS-}" PYTHONMALLOC=malloc
	;;
*) preload= ;;
esac
exec env ${preload:+LD_PRELOAD="$preload"} \
	"$PYTHON" "$top_srcdir/bindings/python/tests/run.py" ${2+"$2"}
