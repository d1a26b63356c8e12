#!/bin/sh
# Proves the tests: each patch in tests/mutants takes one safety mechanism out of a copy of the
# library. Its lines "fails: TEST…" name tests that must notice, "passes: TEST…" tests that another
# mechanism must still carry. All of them pass on the library as it is, built in the same way.
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

# The sources of a test: a file, or a directory of them.
sources_of() { # sources_of TREE TEST
	if [ -d "$1/tests/$2" ]; then
		echo "$1/tests/$2"/*.c
	else
		find "$1/tests/unit" -name "$2.c"
	fi
}

compile() { # compile TREE SOURCE...
	tree=$1
	shift
	for source; do
		# shellcheck disable=SC2086 # words are meant
		$CC -w -O1 -pthread $TEST_FLAGS -DVECTORS="\"$top_srcdir/tests/vectors\"" \
			-I"$tree/include" -I"$tree" -c -o "${source%.c}.o" "$source"
	done
}

# All of a tree that a mutant may need.
compile_all() { # compile_all TREE
	compile "$1" "$1"/libsnowid/*.c "$1"/libsnowid/*/*.c
	for test in $tests; do
		# shellcheck disable=SC2046 # words are meant
		compile "$1" $(sources_of "$1" "$test")
	done
}

# run TEST TRIES: prints whether it passed each time or failed, linked against the library in
# $tmp/copy. What hangs without the mechanism fails after 15 s; a race gets a few tries to be lost.
run() {
	wrap=
	eval "wrap=\${wrap_$1:-}"
	# shellcheck disable=SC2046,SC2086 # words are meant
	$CC -pthread -o "$tmp/$1" $(sources_of "$tmp/copy" "$1" | sed 's/\.c\>/.o/g') \
		"$tmp"/copy/libsnowid/*.o "$tmp"/copy/libsnowid/*/*.o $wrap $TEST_LIBS
	result=passed
	tries=$2
	while [ "$tries" -gt 0 ] && [ "$result" = passed ]; do
		(cd "$tmp" && CK_TIMEOUT_MULTIPLIER=0.05 "./$1") >"$tmp/log" 2>&1 || result=failed
		tries=$((tries - 1))
	done
	echo "$result"
}

# The library as it is: a mutant then compiles only what it changes.
tests=$(sed -n 's/^\(fails\|passes\): //p' "$top_srcdir"/tests/mutants/*.patch | tr ' ' '\n' | sort -u)
mkdir "$tmp/whole"
cp -R "$top_srcdir/include" "$top_srcdir/libsnowid" "$top_srcdir/tests" "$tmp/whole"
chmod -R u+w "$tmp/whole"
compile_all "$tmp/whole"
cp -R "$tmp/whole" "$tmp/copy"
for test in $tests; do
	verdict passed "$(run "$test" 1)" "unchanged: $test"
done

for mutant in "$top_srcdir"/tests/mutants/*.patch; do
	rm -rf "$tmp/copy"
	cp -R "$tmp/whole" "$tmp/copy"
	name=$(basename "$mutant" .patch)
	if ! patch --quiet --no-backup-if-mismatch -p1 -d "$tmp/copy" <"$mutant" >"$tmp/log" 2>&1; then
		verdict applied "not applied" "$name:"
		continue
	fi
	changed=$(sed -n "s|^+++ b/|$tmp/copy/|p" "$mutant")
	# shellcheck disable=SC2086 # words are meant
	case $changed in
	*.h*) compile_all "$tmp/copy" ;;
	*) compile "$tmp/copy" $changed ;;
	esac
	for test in $(sed -n 's/^fails: //p' "$mutant"); do
		verdict failed "$(run "$test" 8)" "$name: $test"
	done
	for test in $(sed -n 's/^passes: //p' "$mutant"); do
		verdict passed "$(run "$test" 1)" "$name: $test"
	done
done

echo "$passed passed, $failed failed"
[ "$failed" -eq 0 ] && [ "$passed" -gt 0 ]
