# shellcheck shell=bash disable=SC2154
# SPDX-License-Identifier: MIT
# Sourced by scripts/check: the suites of each tier, the longest first.

bindings="--with-python PYTHON=/usr/bin/python3 --with-ruby RUBY=/usr/bin/ruby --with-lua"
no_bindings="--without-python --without-ruby --without-lua"

plan_fast() {
	start lint lines lint scripts/lint --changed
	start build suite build "$no_bindings" check "\$(unit_tests) \$(conformance_tests) \
		tests/sim/sim tests/interface/symbols.sh tests/conformance/run_rest.py \
		$(mutants_of_changes)"
}

plan_default() {
	start lint lines lint scripts/lint
	start abi lines abi tests/interface/abi.sh
	start gcc suite gcc "$bindings"
	start asan-ubsan suite asan-ubsan "--enable-asan --enable-ubsan CFLAGS=-O1 $bindings"
	start tsan suite tsan "--enable-tsan CFLAGS=-O1" check-threads
}

plan_full() {
	start lint lines lint scripts/lint
	start model lines model tests/model/model.sh
	make_tarball
	start gcc gcc_simulations_and_valgrind
	start debian packages
	start asan-ubsan suite asan-ubsan "--enable-asan --enable-ubsan CFLAGS=-O1 $bindings"
	start installing lines installing scripts/fresh-machine scripts/installing
	start architectures lines architectures scripts/architectures "$work/architectures"
	start tsan tsan_and_tarball
	start clang suite clang "CC=clang CXX=clang++ CFLAGS=-O2 $bindings" check "$compiler_tests"
	start distcheck distcheck
	start abi lines abi tests/interface/abi.sh
}

plan_clients() {
	start clients clients
}

# What a compiler may change, apart from the daemon's behaviour over time.
compiler_tests='$(unit_tests) $(conformance_tests) $(conformance_scripts) tests/sim/sim'

# One mutant of each file that has changed.
mutants_of_changes() {
	local file
	scripts/changed | while read -r file; do
		grep -lx "+++ b/$file" tests/mutants/*.patch | head -n 1
	done | sort -u | head -n 3 | paste -sd ' '
}

# ---- suites of the full tier that are more than a build -----------------------------------------

make_tarball() {
	configure gcc "$bindings" && make -C "$work/gcc" -s dist >"$work/dist.log" 2>&1 ||
		does_not_build "a tarball" "$work/dist.log"
	tarball=$(ls "$work"/gcc/libsnowid-*.tar.xz)
}

gcc_simulations_and_valgrind() {
	COORDINATOR_FAULTS=full suite gcc "$bindings"
	try "20,000 simulations of a fleet" "$work/gcc/tests/sim/sim" 0 20000
	try "a simulated minute of 1,024 busy workers" "$work/gcc/tests/sim/sim" full
	suite gcc "$bindings" check-valgrind
}

tsan_and_tarball() {
	suite tsan "--enable-tsan CFLAGS=-O1" check-threads
	try "a tarball is the same, whatever it was configured for" same_tarball
	try "a tarball has each file of the checkout" whole_tarball
}

same_tarball() {
	make -C "$work/tsan" -s dist && diff <(tar -tf "$tarball" | sort) \
		<(tar -tf "$work/tsan/$(basename "$tarball")" | sort)
}

# What a tarball leaves out: debian/ is of the package, and the rest of the repository.
whole_tarball() {
	! comm -23 <(git -c safe.directory="$top" ls-files | sort) \
		<(tar -tf "$tarball" | sed 's|^[^/]*/||' | sort) |
		grep -v '^debian/\|^\.ci/\|^\.gitignore$'
}

packages() {
	unset MAKEFLAGS # its makes are started by debhelper, in a system of their own
	lines packages scripts/debian "$tarball" "$work/debian"
}

# What distcheck adds to the other suites: a source that cannot be written, from the tarball alone,
# by an ordinary user; that all of it is installed and uninstalled, and cleaned up.
distcheck_tests="\$(unit_tests) \$(conformance_tests) tests/tool/tool.sh \
	tests/interface/symbols.sh tests/mutants/limit.patch"

distcheck() {
	try "make distcheck as an ordinary user" run_distcheck
}

run_distcheck() {
	local home status=0 as_user=(env)
	home=$(mktemp -d) # the checkout may be where nobody may look
	tar -C "$home" -xf "$tarball"
	if [ "$(id -u)" -eq 0 ]; then
		chown -R nobody "$home"
		as_user=(setpriv --reuid nobody --regid nogroup --clear-groups env)
	fi
	(cd "$home"/libsnowid-* && "${as_user[@]}" HOME="$home" TMPDIR=/tmp XDG_STATE_HOME= sh -c '
		mkdir build && cd build &&
		../configure PYTHON=/usr/bin/python3 RUBY=/usr/bin/ruby &&
		make distcheck DISTCHECK_CONFIGURE_FLAGS=CFLAGS=-O0 TESTS="$1"
		' sh "$distcheck_tests") || status=$?
	rm -rf "$home"
	return $status
}

# ---- clients ------------------------------------------------------------------------------------

# Generated from the file that is installed. Their package managers have no use for make's tokens.
clients() {
	local log=$work/build.log
	if ! configure build "$no_bindings" || ! make -C "$work/build" all >>"$log" 2>&1 ||
		! make -C "$work/build" install DESTDIR="$work/installed" >>"$log" 2>&1; then
		does_not_build "the daemon" "$log"
		return
	fi
	lines clients env -u MAKEFLAGS CLIENTS_DIR="$work" top_builddir="$work/build" \
		SNOWID_PROTO="$work/installed/usr/local/include/snowid.proto" tests/clients/run.py
	newer_consul
}

# Newer than Debian's, and older than its present licence.
newer_consul() {
	local directory=$work/consul
	mkdir -p "$directory"
	cp tests/coordinators/consul/* "$directory"
	if ! (cd "$directory" && GOFLAGS=-mod=mod go build -o consul .) >"$directory.log" 2>&1 ||
		! make -C "$work/build" tests/coordinators/owner tests/coordinators/merge \
			>>"$directory.log" 2>&1; then
		does_not_build "Consul 1.14" "$directory.log"
		return
	fi
	lines consul env CONSUL="$directory/consul" top_builddir="$work/build" \
		tests/coordinators/test_faults.py consul
}
