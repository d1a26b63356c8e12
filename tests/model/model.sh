#!/bin/sh
# Searches the model of ownership, tests/model/ownership.pml. As it is, no state may have an error.
# Without one of its rules, it must issue a tick twice. What should be possible must be possible.
# SPDX-License-Identifier: MIT
set -eu
model=$(cd "${top_srcdir:-$(dirname "$0")/../..}" && pwd)/tests/model/ownership.pml
tmp=$(mktemp -d)
trap 'rm -rf "$tmp"' EXIT
cd "$tmp"
passed=0
failed=0

if ! command -v spin >/dev/null; then
	echo "not ok - the model needs spin: install the package spin"
	exit 1
fi

# search "OPTIONS OF SPIN" "OPTIONS OF CC": prints nothing; the output of the search is in log.
search() {
	rm -f ./pan* ./*.trail
	: >told
	# shellcheck disable=SC2086 # words are meant
	spin $1 -a "$model" >log 2>&1 &&
		${CC:-cc} -w -DSAFETY -DMEMLIM=1000 $2 -o pan pan.c >>log 2>&1 &&
		./pan -m100000 >>log 2>&1 || echo "search failed: $?" >>log
}

number() { # number REGEX: prints the first number in the log that \1 matches
	sed -n "s/$1/\1/p" log | head -n 1
}

verdict() { # verdict STATUS NAME
	counts="$(number '^ *\([0-9]*\) states, stored.*') states"
	counts="$counts, depth $(number '^State.*reached \([0-9]*\),.*')"
	if [ "$1" -eq 0 ]; then
		passed=$((passed + 1))
		echo "ok - $2: $counts"
	else
		failed=$((failed + 1))
		echo "not ok - $2: $counts"
		cat log
	fi
}

# Prints what happened, from the printf statements of the model.
story() { # story "OPTIONS OF SPIN"
	# shellcheck disable=SC2086 # words are meant
	spin $1 -T -k ownership.pml.trail "$model" >story 2>&1 || true
	sed -n 's/^\(\(the store\|[01]\) .*\)/  \1/p' story
}

# Whether the search found no error, left no state out (by a bound, a hash or a lack of memory), and
# reached every statement.
whole() {
	grep -q '^Full statespace search' log && grep -q ', errors: 0$' log &&
		! grep -qE 'search failed|not completed|too small|MEMLIM' log &&
		! grep -E 'state [0-9]+, "' log | grep -qv '"-end-"'
}

# Expects that an assertion is violated, and prints the shortest way.
error() { # error VARIANT NAME EXPRESSION
	options="-D$1 -DTICKS=2"
	search "$options" "-O0 -DBFS"
	status=0
	grep -F 'assertion violated ' log | grep -qF "$3" || status=1
	[ "$status" -ne 0 ] || story "$options" >told
	[ -s told ] || status=1
	verdict $status "$1: $2"
	cat told
}

search "" -O2
status=0
whole || status=1
verdict $status "no tick is issued twice, in any state"
[ ! -f ownership.pml.trail ] || story ""

for variant in FLOOR CLAIM FENCE RELEASE ORDER READ UNKNOWN PAGE SEAL LIMIT SWAP RECLAIM; do
	error "BREAK_$variant" "a tick is issued twice" '!((issued&(1<<tick)))'
done
error REACH_TAKEOVER "an owner issues after taking over from one that is running" '!(witness[p])'
error REACH_RETURN "an owner issues above an exact end" '!(witness[p])'
error REACH_ZOMBIE "an owner issues after another has taken over" '(p==tenure)'

echo "$passed passed, $failed failed"
[ "$failed" -eq 0 ] && [ "$passed" -gt 0 ]
