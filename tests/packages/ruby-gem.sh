#!/bin/sh
# The gem builds, installs where libsnowid is, makes an ID, and is documented for ri and YARD.
# SPDX-License-Identifier: MIT
set -eu
: "${top_srcdir:?make check sets it}" "${top_builddir:?}" "${RUBY:?}"
tmp=$(mktemp -d)
trap 'rm -rf "$tmp"' EXIT
export GEM_HOME="$tmp/gems" GEM_PATH="$tmp/gems" HOME="$tmp" LD_LIBRARY_PATH="$top_builddir/.libs"
unset RUBYLIB RUBYOPT
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
installs() {
	make -C "$top_builddir" ruby-gem &&
		"$RUBY" -S gem install --local --document=ri \
			"$top_builddir"/bindings/ruby/gem/snowid-*.gem -- \
			--with-snowid-include="$top_srcdir/include" \
			--with-snowid-lib="$top_builddir/.libs" &&
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
		env -u GEM_HOME -u GEM_PATH "$RUBY" -S "$@" lib ext/snowid/objects.c) \
		>"$tmp/page" && cat "$tmp/page" && grep -qE "$printed" "$tmp/page"
}
try "the gem builds, installs and works" installs
try "ri knows it" is_in_ri
try "RDoc finds everything documented" is_documented '^ *100.00% documented' rdoc -C
try "YARD finds everything documented" is_documented '100.00% documented' \
	yard stats --list-undoc --fail-on-warning --no-save --no-cache
