#!/bin/sh
# The gem builds, installs where libsnowid is, makes an ID, and is documented for ri and YARD.
# SPDX-License-Identifier: MIT
set -eu
: "${top_srcdir:?make check sets it}" "${top_builddir:?}" "${RUBY:?}"
tmp=$(mktemp -d)
trap 'rm -rf "$tmp"' EXIT
. "$top_srcdir/tests/packages/readme.sh"
export HOME="$tmp" LD_LIBRARY_PATH="$top_builddir/.libs" PKG_CONFIG_PATH="$tmp"
unset RUBYLIB RUBYOPT GEM_HOME GEM_PATH
log=$tmp/log
try() { # try NAME COMMAND...
	name=$1
	shift
	if "$@" >"$log" 2>&1; then
		echo "ok - $name"
	else
		cat "$log"
		find "$tmp" -name mkmf.log -exec cat {} +
		echo "not ok - $name"
		exit 1
	fi
}
# In the build directory, as if libsnowid were installed, and with the Ruby it is built for.
prepare() {
	sed -e "s|^libdir=.*|libdir=$LD_LIBRARY_PATH|" \
		-e "s|^includedir=.*|includedir=$top_srcdir/include|" \
		"$top_builddir/snowid.pc" >"$tmp/snowid.pc" &&
		ln -s "$top_builddir" "$tmp/build" &&
		echo "gem: --local --document=ri" >"$tmp/.gemrc" &&
		readme_commands "$top_srcdir/README.md" gem >"$tmp/commands"
}
installs() {
	sh -eux -c 'ruby() { "$RUBY" "$@"; }
		gem() { ruby -S gem "$@"; }
		cd "$HOME"
		. ./commands'
}
works() {
	"$RUBY" -e 'gem "snowid"; require "snowid"
		exit Snowid::Generator.new(worker: 1).batch(10).uniq.size == 10 &&
			Gem.loaded_specs["snowid"].version.to_s == Snowid::VERSION'
}
is_in_ri() {
	"$RUBY" -S ri -T --no-standard-docs --gems "Snowid::Generator#next" >"$tmp/page" &&
		cat "$tmp/page" && grep -q 'next(timeout: nil) ->' "$tmp/page"
}
is_documented() { # is_documented WHAT-IS-PRINTED COMMAND...
	printed=$1
	shift
	(cd "$top_builddir/bindings/ruby/gem" &&
		"$RUBY" -S "$@" lib ext/snowid/objects.c) \
		>"$tmp/page" && cat "$tmp/page" && grep -qE "$printed" "$tmp/page"
}
try "README's commands for the gem are found" prepare
try "README's commands build and install the gem" installs
try "the gem works" works
try "ri knows it" is_in_ri
try "RDoc finds everything documented" is_documented '^ *100.00% documented' rdoc -C
try "YARD finds everything documented" is_documented '100.00% documented' \
	yard stats --list-undoc --fail-on-warning --no-save --no-cache
