#!/bin/sh
# The gem builds, installs where libsnowid is, and makes an ID.
# SPDX-License-Identifier: MIT
set -eu
: "${top_srcdir:?make check sets it}" "${top_builddir:?}" "${RUBY:?}"
tmp=$(mktemp -d)
trap 'rm -rf "$tmp"' EXIT
export GEM_HOME="$tmp/gems" GEM_PATH="$tmp/gems" HOME="$tmp" LD_LIBRARY_PATH="$top_builddir/.libs"
unset RUBYLIB RUBYOPT
{
	make -C "$top_builddir" ruby-gem &&
		"$RUBY" -S gem install --local --no-document "$top_builddir"/bindings/ruby/gem/snowid-*.gem -- \
			--with-snowid-include="$top_srcdir/include" --with-snowid-lib="$top_builddir/.libs" &&
		"$RUBY" -e 'gem "snowid"; require "snowid"
			exit Snowid::Generator.new(worker: 1).batch(10).uniq.size == 10 && Gem.loaded_specs["snowid"].version.to_s == Snowid::VERSION'
} >"$tmp/log" 2>&1 && echo "ok - the gem builds, installs and works" && exit
cat "$tmp/log"
find "$tmp" -name mkmf.log -exec cat {} +
echo "not ok - the gem"
exit 1
