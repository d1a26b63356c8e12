#!/bin/bash
# Tests the tests: run.sh MUTANT.patch takes one safety mechanism out of the library. The patch's
# lines "fails: TEST…" name the tests that must notice, "passes: TEST…" those that another mechanism
# still carries. Each of them must also pass on the library as it is, under the same time limit.
#
# Runs where the library and its tests have been built, and compiles only what the patch changes.
# SPDX-License-Identifier: MIT
set -eu
: "${top_srcdir:?make check sets it}"
patch=$1
mutant=$(basename "$patch" .patch)
tree=tests/mutants/$mutant.tree # not in /tmp: the tests write files, on a real disk
rm -rf "$tree"
mkdir -p "$tree"
trap 'rm -rf "$tree"' EXIT
status=0

verdict() { # verdict WANTED GOT NAME LOG
	if [ "$1" = "$2" ]; then
		echo "ok - $3 $2"
	else
		status=1
		echo "not ok - $3 $2, and should have $1"
		tail -n 15 "$4"
	fi
}

# Runs a shell command, of one line, in which make's variables are expanded.
with_make() {
	MAKEFLAGS='' make -s with-variables COMMAND="$(echo "$1" | tr '\n' ' ')"
}

program_of() { # program_of TEST
	if [ -d "$top_srcdir/tests/$1" ]; then
		echo "tests/$1/$1"
	else
		(cd "$top_srcdir" && find tests/unit -name "$1.c") | sed 's/\.c$//'
	fi
}

# The name that automake gives the variables of a program.
canonical() {
	echo "$1" | tr -c 'A-Za-z0-9\n' _
}

# run PROGRAM TRIES LOG: prints whether it passed each time, or failed. What hangs without the
# mechanism fails after 15 s; a race gets a few tries to be lost.
run() {
	result=passed
	tries=$2
	directory=$(dirname "$3")
	while [ "$tries" -gt 0 ] && [ "$result" = passed ]; do
		(program=$PWD/$1 log=$PWD/$3 && cd "$directory" &&
			CK_TIMEOUT_MULTIPLIER=0.05 "$program" >"$log" 2>&1) || result=failed
		tries=$((tries - 1))
	done
	echo "$result"
}

# On the library as it is, once for each build of the test, whichever mutant comes first.
run_unchanged() { # run_unchanged TEST PROGRAM
	unchanged=tests/mutants/unchanged/$1
	mkdir -p "$unchanged"
	exec 9>"$unchanged/lock"
	flock 9
	if [ ! "$unchanged/result" -nt "$2" ]; then
		result=$(run "$2" 1 "$unchanged/log")
		echo "$result" >"$unchanged/result"
	fi
	exec 9>&-
	verdict passed "$(cat "$unchanged/result")" "unchanged: $1" "$unchanged/log"
}

# With a header that is changed, all sources of the test and those of the library that include it;
# else what is changed, which takes the place of its own object.
compile_changed() { # compile_changed PROGRAM_VARIABLES
	header=$(echo "$changed" | grep '\.h$' || true)
	if [ -n "$header" ]; then
		sources="\$($1_SOURCES) \`for source in \$(libsnowid_internal_la_SOURCES); do
			\$(CC) -MM -MG \$(DEFAULT_INCLUDES) \$(AM_CPPFLAGS) \$(srcdir)/\$\$source |
			grep -q $header && echo \$\$source; done\`"
	else
		sources=$changed
	fi
	with_make "for source in $sources; do
		case \$\$source in *.h) continue ;; esac;
		from=$tree/\$\$source; test -f \$\$from || from=\$(srcdir)/\$\$source;
		\$(CC) -I$tree \$(DEFS) \$(DEFAULT_INCLUDES) \$(AM_CPPFLAGS) \$($1_CPPFLAGS)
			\$(CPPFLAGS) \$(AM_CFLAGS) \$(CFLAGS) -w -c
			-o $tree/\`echo \$\$source | tr / -\`.o \$\$from || exit;
	done"
}

link_changed() { # link_changed PROGRAM_VARIABLES OUTPUT
	objects="\$($1_OBJECTS)"
	[ -z "$header" ] || objects=
	with_make "\$(LIBTOOL) --silent --tag=CC --mode=link \$(CCLD) \$(AM_CFLAGS) \$(CFLAGS)
		\$(AM_LDFLAGS) \$($1_LDFLAGS) \$(LDFLAGS) -o $2 $objects $tree/*.o
		\$($1_LDADD) \$(LIBS)"
}

try_mutant() { # try_mutant WANTED TRIES TEST
	program=$(program_of "$3")
	variables=$(canonical "$program")
	run_unchanged "$3" "$program"
	rm -f "$tree"/*.o
	if compile_changed "$variables" >"$tree/log" 2>&1 &&
		link_changed "$variables" "$tree/$3" >>"$tree/log" 2>&1; then
		verdict "$1" "$(run "$tree/$3" "$2" "$tree/log")" "$mutant: $3" "$tree/log"
	else
		verdict "$1" "not been built" "$mutant: $3" "$tree/log"
	fi
}

changed=$(sed -n 's|^+++ b/||p' "$patch")
for file in $changed; do
	mkdir -p "$tree/$(dirname "$file")"
	cp "$top_srcdir/$file" "$tree/$file"
	chmod u+w "$tree/$file"
done
if ! patch -F0 --quiet --no-backup-if-mismatch -p1 -d "$tree" <"$patch" >"$tree/log" 2>&1; then
	verdict applied "not applied" "$mutant:" "$tree/log"
	exit 1
fi
for test in $(sed -n 's/^fails: //p' "$patch"); do
	try_mutant failed 8 "$test"
done
for test in $(sed -n 's/^passes: //p' "$patch"); do
	try_mutant passed 1 "$test"
done
exit $status
