#!/bin/sh
# Proves the tests: each patch in tests/mutants takes one safety mechanism out of a copy of the
# library. Its lines "fails: TEST…" name tests that must notice, "passes: TEST…" tests that another
# mechanism must still carry.
# SPDX-License-Identifier: MIT
set -eu
: "${top_srcdir:?make check sets it}" "${CC:?}" "${TEST_FLAGS:?}" "${TEST_LIBS:?}"
tmp=$(mktemp -d "$PWD/prove.XXXXXX") # where tests may leave files: on a real disk
trap 'rm -rf "$tmp"' EXIT
passed=0
failed=0

verdict() {
	if [ "$1" = "$2" ]; then
		passed=$((passed + 1))
		echo "ok - $3 $2"
	else
		failed=$((failed + 1))
		echo "not ok - $3 $2, and should have $1"
		tail -n 15 "$tmp/log"
	fi
}

# run TEST TRIES: prints whether it passed each time or failed, linked against the library in
# $tmp/copy. What hangs without the mechanism fails after 15 s; a race gets a few tries to be lost.
run() {
	wrap=
	sources=$tmp/copy/tests/$1.c
	[ -f "$sources" ] || sources=$(echo "$tmp/copy/tests/$1"/*.c)
	eval "wrap=\${wrap_$1:-}"
	# shellcheck disable=SC2086 # words are meant
	$CC -w -O1 -pthread $TEST_FLAGS -I"$tmp/copy/include" -I"$tmp/copy" \
		-DVECTORS="\"$top_srcdir/tests/vectors\"" -o "$tmp/$1" $sources \
		"$tmp"/copy/libsnowid/*.o $wrap $TEST_LIBS
	result=passed
	tries=$2
	while [ "$tries" -gt 0 ] && [ "$result" = passed ]; do
		(cd "$tmp" && CK_TIMEOUT_MULTIPLIER=0.05 "./$1") >"$tmp/log" 2>&1 || result=failed
		tries=$((tries - 1))
	done
	echo "$result"
}

build() {
	for source in "$tmp"/copy/libsnowid/*.c; do
		# shellcheck disable=SC2086 # words are meant
		$CC -w -O1 -pthread $TEST_FLAGS -I"$tmp/copy/include" -I"$tmp/copy" -c \
			-o "${source%.c}.o" "$source"
	done
}

for mutant in "$top_srcdir"/tests/mutants/*.patch; do
	rm -rf "$tmp/copy"
	mkdir "$tmp/copy"
	cp -R "$top_srcdir/include" "$top_srcdir/libsnowid" "$top_srcdir/tests" "$tmp/copy"
	chmod -R u+w "$tmp/copy"
	name=$(basename "$mutant" .patch)
	if ! patch --quiet --no-backup-if-mismatch -p1 -d "$tmp/copy" <"$mutant" >"$tmp/log" 2>&1; then
		verdict applied "not applied" "$name:"
		continue
	fi
	build
	for test in $(sed -n 's/^fails: //p' "$mutant"); do
		verdict failed "$(run "$test" 8)" "$name: $test"
	done
	for test in $(sed -n 's/^passes: //p' "$mutant"); do
		verdict passed "$(run "$test" 1)" "$name: $test"
	done
done

echo "$passed passed, $failed failed"
[ "$failed" -eq 0 ] && [ "$passed" -gt 0 ]
