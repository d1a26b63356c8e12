# shellcheck shell=bash disable=SC2154
# SPDX-License-Identifier: MIT
# Sourced by scripts/check: how it runs a suite of tests, several suites side by side, and counts.
# Expects $top, the source, and $work, an empty directory.

# All that run at once draw from one pipe of tokens, as make's own children do, so that what waits
# leaves its processor to another suite ("POSIX Jobserver" in make's manual). Each make has one more
# of its own.
share_processors() {
	local token
	mkfifo "$work/tokens"
	exec 3<>"$work/tokens"
	for ((token = 1; token < $(nproc); token++)); do printf + >&3; done
	export MAKEFLAGS="-j --jobserver-auth=3,3"
	lanes=$(($(nproc) + 1))
}

# The seconds in the last line of times(1), which are those of processes that have ended.
processor_seconds() { # processor_seconds FILE
	tail -n 1 "$1" | tr 'ms' '  ' | awk '{ print int(60 * ($1 + $3) + $2 + $4) }'
}

# Runs a suite beside others, at most $lanes of them. Shows what it said once it has ended.
start() { # start NAME COMMAND...
	while [ "$(jobs -pr | wc -l)" -ge "$lanes" ]; do wait -n || true; done
	echo "0 1 0" >"$work/$1.count" # until it has ended
	{
		local begun=$SECONDS
		passed=0 failed=0 not_run=0
		"${@:2}" >"$work/$1.out" 2>&1 || failed=$((failed + 1))
		[ $((passed + failed)) -gt 0 ] || failed=1
		echo "$passed $failed $not_run" >"$work/$1.count"
		times >"$work/$1.times"
		echo "$1: $passed passed, $failed failed ($((SECONDS - begun)) s," \
			"$(processor_seconds "$work/$1.times") s of processors)" >>"$work/$1.out"
		flock "$work" cat "$work/$1.out"
	} &
}

# Waits for all suites, and prints what failed or could not be tried here, as the output may be
# long, and the sum.
finish() {
	wait
	(cd "$work" && grep -E '^(not ok|not run|---) |:[EF]:' ./*.out) || true
	cat "$work"/*.count | awk '{ passed += $1; failed += $2; not_run += $3 }
		END {
			printf "%d passed, %d failed", passed, failed
			printf not_run ? ", %d not run\n" : "\n", not_run
			exit failed > 0 || passed == 0
		}'
}

count() { # count PASSED FAILED [NOT-RUN]
	passed=$((passed + $1))
	failed=$((failed + $2))
	not_run=$((not_run + ${3-0}))
}

# One check that is a command. Its output is shown if it fails.
try() { # try NAME COMMAND...
	local log
	log=$(mktemp "$work/try.XXXXXX")
	if "${@:2}" >"$log" 2>&1; then
		count 1 0
		echo "ok - $1"
	else
		count 0 1
		echo "not ok - $1"
		grep -v '^ok ' "$log" | tail -n 40
	fi
}

# A script that prints a line for each of its checks. The rest of its output is shown if one failed.
lines() { # lines NAME COMMAND...
	local status=0 good bad log=$work/$1.log
	"${@:2}" >"$log" 2>&1 || status=$?
	good=$(grep -c '^ok ' "$log" || true)
	bad=$(grep -c '^not ok ' "$log" || true)
	[ $((good + bad)) -gt 0 ] || bad=1
	[ "$bad" -gt 0 ] || [ "$status" -eq 0 ] || bad=1
	count "$good" "$bad"
	if [ "$bad" -eq 0 ]; then grep '^ok ' "$log"; else grep -v '^ok ' "$log" | tail -n 60; fi
}

# PASSED FAILED, from the totals of libcheck.
libcheck_totals() { # libcheck_totals LOG
	sed -n 's/^.*Checks: \(.*\), Failures: \(.*\), Errors: \(.*\)$/\1 \2 \3/p' "$1" |
		awk '{ checks += $1; bad += $2 + $3 } END { print checks - bad, bad + 0 }'
}

# Counts what the test programs of a build said: libcheck's totals, or the lines of scripts. They
# print "not run - NAME: WHY" for what cannot be tried on this machine, as without Consul. A test
# that was skipped without such a line, or a program that said nothing, has failed.
tally() { # tally DIRECTORY
	local trs log good bad missing results
	while read -r trs; do
		log=${trs%.trs}.log
		good=$(grep -c '^ok ' "$log" || true)
		bad=$(grep -c '^not ok ' "$log" || true)
		missing=$(grep -c '^not run ' "$log" || true) results=PASS
		if [ "$missing" -gt 0 ]; then
			grep '^not run ' "$log"
			results='PASS\|SKIP'
		fi
		[ $((good + bad)) -gt 0 ] || read -r good bad < <(libcheck_totals "$log")
		[ $((good + bad + missing)) -gt 0 ] || bad=1
		[ "$bad" -gt 0 ] || grep -qx ":test-result: \($results\)" "$trs" || bad=1
		if [ "$bad" -gt 0 ]; then
			echo "--- $log"
			grep -v '^ok ' "$log" | tail -n 60
		fi
		count "$good" "$bad" "$missing"
	done < <(find "$1" -name '*.trs' | sort)
}

does_not_build() { # does_not_build WHAT LOG
	echo "--- $1 does not build: $2"
	grep -E 'error|warning' "$2" | head -n 20
	tail -n 20 "$2"
	count 0 1
}

# Configures in a directory of its own. One that is there is used again.
configure() { # configure NAME "CONFIGURE ARGUMENTS"
	[ ! -f "$work/$1/Makefile" ] || return 0
	mkdir -p "$work/$1"
	# shellcheck disable=SC2086 # words are meant
	(cd "$work/$1" && "$top/configure" --enable-werror --with-snowidd $2) >"$work/$1.log" 2>&1
}

# Builds, and runs what `make check` or another TARGET runs; TESTS, if given, in place of all.
suite() { # suite NAME "CONFIGURE ARGUMENTS" [TARGET] [TESTS]
	local dir=$work/$1 log=$work/$1.log
	if ! configure "$1" "$2" || ! make -C "$dir" all >>"$log" 2>&1; then
		does_not_build "$1" "$log"
		return
	fi
	find "$dir" -name '*.trs' -delete
	make -C "$dir" -k "${3:-check}" ${4+TESTS="$4"} >>"$log" 2>&1 || true
	if [ -z "$(find "$dir" -name '*.trs')" ]; then
		does_not_build "what tests $1" "$log"
		return
	fi
	tally "$dir"
}
