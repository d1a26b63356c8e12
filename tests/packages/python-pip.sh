#!/bin/sh
# The source distribution stands alone: where there is no libsnowid, pip makes a wheel of it, as it
# does to install it, and what is installed works.
# SPDX-License-Identifier: MIT
set -eu
: "${top_srcdir:?make check sets it}" "${top_builddir:?}" "${PYTHON:?}"
if ! "$PYTHON" -c 'import setuptools, wheel, venv, ensurepip'; then
	echo "this test needs the packages python3-setuptools, python3-wheel and python3-venv"
	exit 77
fi
. "$top_srcdir/tests/packages/readme.sh"
tmp=$(mktemp -d)
trap 'rm -rf "$tmp"' EXIT
step() { # step DESCRIPTION COMMAND...: no use going on without it
	what=$1
	shift
	if "$@" >"$tmp/log" 2>&1; then
		echo "ok - $what"
	else
		cat "$tmp/log"
		echo "not ok - $what"
		exit 1
	fi
}
site() {
	"$python" -c 'import pathlib, snowid; print(pathlib.Path(snowid.__file__).parents[1])'
}
# What is found in the virtual environment is what was installed there, and needs no libsnowid.
alone() {
	found=$(site)
	[ "${found#"$tmp/venv"}" != "$found" ] && ! ldd "$found"/snowid/_snowid*.so | grep snowid
}
python=$tmp/venv/bin/python
# With the setuptools that are installed, in place of those of PyPI. pip makes a wheel, and installs
# that.
as_readme_says() {
	readme_commands "$top_srcdir/README.md" pip >commands || return
	PIP_NO_INDEX=1 PIP_NO_BUILD_ISOLATION=0 PIP_DISABLE_PIP_VERSION_CHECK=1 PIP_NO_CACHE_DIR=1 \
		CFLAGS=-O0 sh -eux -c 'python3() { "$PYTHON" "$@"; }
		. ./commands'
}
unset LD_LIBRARY_PATH PYTHONPATH
ln -s "$top_builddir" "$tmp/build"
cd "$tmp"
step "README's commands make and install the source distribution" as_readme_says
sdist=$(ls "$top_builddir"/bindings/python/sdist/dist/snowid-*.tar.gz)
step "it has its license" sh -c "tar -tf '$sdist' | grep -x 'snowid-[^/]*/COPYING'"
step "the package is what is found" alone
step "the package has its types, and nothing but the package" \
	"$python" -W error - <<'PYTHON'
import importlib.metadata as metadata
import pathlib
import snowid

version, *_ = metadata.version("snowid").split("+")
assert version == snowid.__version__, version
files = {str(f) for f in metadata.files("snowid") if ".dist-info" not in str(f)}
package = {f for f in files if "__pycache__" not in f}
assert {"snowid/py.typed", "snowid/_snowid.pyi", "snowid/__init__.py"} <= package, package
assert all(f.startswith("snowid/") for f in files), files
print(snowid.Generator("uuid7").next())
PYTHON
PYTHON="$python" "$top_srcdir/bindings/python/tests/python.sh" "$(site)" 'test_[egv]*.py'
