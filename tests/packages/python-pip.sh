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
pip="pip --disable-pip-version-check --no-cache-dir"
step "make python-sdist" make -C "$top_builddir" python-sdist
sdist=$(ls "$top_builddir"/bindings/python/sdist/dist/snowid-*.tar.gz)
step "it has its license" sh -c "tar -tf '$sdist' | grep -x 'snowid-[^/]*/COPYING'"
step "a virtual environment" "$PYTHON" -m venv --system-site-packages "$tmp/venv"
python=$tmp/venv/bin/python
unset LD_LIBRARY_PATH PYTHONPATH
# shellcheck disable=SC2086 # words are meant
step "pip makes a wheel" env CFLAGS=-O0 "$python" -m $pip wheel --no-index --no-deps \
	--no-build-isolation -w "$tmp" "$sdist"
# shellcheck disable=SC2086
step "pip installs the wheel" "$python" -m $pip install --no-index "$tmp"/snowid-*.whl
step "the wheel is what is found" alone
step "the wheel has its types, and nothing but the package" \
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
