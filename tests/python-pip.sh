#!/bin/sh
# The source distribution stands alone: pip installs it where there is no libsnowid, and it works.
# SPDX-License-Identifier: MIT
set -eu
: "${top_srcdir:?make check sets it}" "${top_builddir:?}" "${PYTHON:?}"
if ! "$PYTHON" -c 'import setuptools, wheel, venv, ensurepip'; then
	echo "this test needs the packages python3-setuptools, python3-wheel and python3-venv"
	exit 77
fi
tmp=$(mktemp -d)
trap 'rm -rf "$tmp"' EXIT
make -C "$top_builddir" python-sdist >"$tmp/log" 2>&1 || { cat "$tmp/log"; exit 1; }
"$PYTHON" -m venv --system-site-packages "$tmp/venv" >"$tmp/log" 2>&1 || { cat "$tmp/log"; exit 1; }
unset LD_LIBRARY_PATH PYTHONPATH
if "$tmp/venv/bin/pip" install --no-index --no-deps --no-build-isolation \
	"$top_builddir"/bindings/python/sdist/dist/snowid-*.tar.gz >"$tmp/log" 2>&1; then
	echo "ok - pip installs the source distribution"
else
	cat "$tmp/log"
	echo "not ok - pip does not install the source distribution"
	exit 1
fi
site=$("$tmp/venv/bin/python" -c 'import os, snowid; print(os.path.dirname(os.path.dirname(snowid.__file__)))')
if [ "${site#"$tmp/venv"}" = "$site" ] || ldd "$site"/snowid/_snowid*.so | grep snowid; then
	echo "not ok - it is not what was installed that is found"
	exit 1
fi
PYTHON="$tmp/venv/bin/python" "$top_srcdir/tests/python.sh" "$site" 'test_[egv]*.py'
