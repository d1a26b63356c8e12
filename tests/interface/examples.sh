#!/bin/sh
# The examples in the man pages, the README and the other documents compile, run, and print what is
# shown; and the links of the documents lead somewhere.
# SPDX-License-Identifier: MIT
. "${top_srcdir:?make check sets it}/tests/interface/check.sh"
export LC_ALL=C TZ=UTC PYTHONDONTWRITEBYTECODE=1
unset XDG_STATE_HOME
export SNOWID_STORE=memory: # not the sequence of what else runs on this host
man=$top_srcdir/man
PATH=$top_builddir:$PATH

# ---- environment ---------------------------------------------------------------------------------

# pkg-config finds the library of the build directory as if it were installed.
export PKG_CONFIG_PATH="$tmp/pkgconfig" LD_LIBRARY_PATH="$top_builddir/.libs"
mkdir "$tmp/pkgconfig" "$tmp/home" "$tmp/bin"
sed "s|^libdir=.*|libdir=$LD_LIBRARY_PATH|; s|^includedir=.*|includedir=$top_srcdir/include|" \
	"$top_builddir/snowid.pc" >"$tmp/pkgconfig/snowid.pc"
printf '#!/bin/sh\nPATH=%s\nexec %s -Wall -Wextra -Werror "$@"\n' "$PATH" "${CC:-cc}" >"$tmp/bin/cc"
# Without a field, the tool has a default store of its own; that of the host is a directory here.
cat >"$tmp/bin/snowid" <<-END
	#!/bin/sh
	has_field=
	for argument; do
		shift
		case \$argument in
		host:) argument=host:$tmp/host ;;
		--field*) has_field=yes ;;
		esac
		set -- "\$@" "\$argument"
	done
	test "\$SNOWID_STORE" != memory: || test "\$has_field" || unset SNOWID_STORE
	exec "$top_builddir/snowid" "\$@"
END
mkdir "$tmp/host"
chmod +x "$tmp/bin/cc" "$tmp/bin/snowid"
export HOME="$tmp/home" PATH="$tmp/bin:$PATH"

# ---- extraction ----------------------------------------------------------------------------------

# Writes the literal blocks of a man page as files 1.c, 2.console, 3.out, ... into $directory. One
# with a main function is a program, one that begins with $ holds commands, one with a key at the
# beginning of a line is YAML, one with the field time is a layout. In EXAMPLES any other is the
# output of the program before it.
examples_of_page() { # examples_of_page PAGE
	awk -v directory="$directory" '
		/^\.Sh/ { examples = $2 == "EXAMPLES" }
		/^\.Sh/ { synopsis = $2 == "SYNOPSIS" }
		!synopsis && /^\.Bd -literal/ { text = ""; inside = 1; next }
		inside && /^\.Ed/ {
			inside = 0
			type = examples ? "out" : "unknown"
			if (text ~ /int main\(/) type = "c"
			if (text ~ /^\$ /) type = "console"
			if (text ~ /^[a-z_]+: /) type = "yaml"
			if (text ~ /^(time:|snowflake;)/) type = "spec"
			printf "%s", text >(directory "/" ++n "." type)
			next
		}
		inside {
			gsub(/\\-/, "-")
			gsub(/\\&/, "")
			gsub(/\\\(aq/, "\047")
			gsub(/\\\(ga/, "`")
			gsub(/\\\(ha/, "^")
			gsub(/\\\(ti/, "~")
			gsub(/\\e/, "\\")
			text = text $0 "\n"
		}' "$1"
}

# Writes the fenced blocks of a Markdown file in the same way, by their language. "console similar"
# is for output whose values differ each time, "text" for drawings, which are not run.
examples_of_markdown() { # examples_of_markdown FILE
	awk -v directory="$directory" '
		/^```/ && !inside {
			inside = 1
			type = substr($0, 4)
			sub(/ /, ".", type)
			file = directory "/" ++n "." (type == "" ? "none" : type)
			printf "" >file
			next
		}
		/^```/ { inside = 0; close(file); next }
		inside { print >file }' "$1"
}

# ---- running -------------------------------------------------------------------------------------

# Runs the commands of a file, which begin with "$ ", and compares the output of each with the lines
# that follow it, if there are any.
run_commands() { # run_commands FILE FILTER
	command=
	: >expected
	while IFS= read -r line || { line='$ '; test -n "$command"; }; do
		case $command:$line in
		:'$ '* | *[!\\]:'$ '*)
			run_command "$2" || return
			command=${line#??}
			: >expected
			;;
		*\\:*)
			command="$command
$line"
			;;
		*) printf '%s\n' "$line" >>expected ;;
		esac
	done <"$1"
}
run_command() { # run_command FILTER
	test -n "$command" || return 0
	eval "$command" >printed 2>&1 </dev/null || {
		echo "exit status $? of: $command"
		cat printed
		return 1
	}
	test -s expected || return 0
	sed -E "$1" expected >wanted
	awk 1 printed | sed -E "$1" | diff wanted - || { # awk 1 adds a missing newline at the end
		echo "printed by: $command"
		return 1
	}
}

# Runs a program in another language, if its binding was built.
run_binding() { # run_binding FILE
	case $1 in
	*.python)
		test -e "$top_builddir/bindings/python/tree" || { not_built Python; return; }
		PYTHONPATH="$top_builddir/bindings/python/tree" "$PYTHON" "$1"
		;;
	*.ruby)
		test -e "$top_builddir/bindings/ruby/tree" || { not_built Ruby; return; }
		"$RUBY" -I"$top_srcdir/bindings/ruby/lib" -I"$top_builddir/bindings/ruby/tree" "$1"
		;;
	*.lua) run_lua "$1" ;;
	esac
}
# In each Lua that is installed: their numbers differ.
run_lua() { # run_lua FILE
	lua=$top_builddir/bindings/lua
	test -e "$lua/snowid/cdef.lua" || { not_built Lua; return; }
	for interpreter in "5.4 $LUA54" "5.3 $LUA53" "jit $LUAJIT"; do
		version=${interpreter%% *} program=${interpreter#* }
		test -n "$program" || { not_built "Lua $version"; continue; }
		test "$version" = jit || test -e "$lua/tree.$version" ||
			{ not_built "Lua $version"; continue; }
		LUA_PATH="$top_srcdir/bindings/lua/?.lua;$lua/?.lua;;" \
			LUA_CPATH="$lua/tree.$version/?.so;;" "$program" "$1" || return
	done
}
not_built() {
	echo "# skipped: $1 was not built"
}

# Replaces snowidd and curl in examples. This daemon listens on a socket in the directory of its
# document instead of on a port; with options, it checks them and exits.
daemon=$top_builddir/snowidd/snowidd
export STATE_DIRECTORY="$tmp/home"
mkdir "$tmp/daemon"
cat >"$tmp/daemon/snowidd" <<-END
	#!/bin/sh
	unset SNOWID_STORE
	test \$# -eq 0 || exec "$daemon" --check-config "\$@"
	echo \$\$ >>daemons
	exec "$daemon" --listen "unix:\$PWD/socket" 2>daemon.log
END
cat >"$tmp/daemon/curl" <<-END
	#!/bin/sh
	while test ! -S socket; do sleep 0.01; done
	exec $(command -v curl || echo curl) --silent --fail --max-time 60 \\
		--unix-socket socket "\$@"
END
chmod +x "$tmp/daemon/snowidd" "$tmp/daemon/curl"

# Checks the configuration that an example shows. The files that it names have to exist, and so do
# the volumes of a pod.
run_yaml() { # run_yaml FILE
	if grep -q '^apiVersion:' "$1"; then
		test -n "${RUBY-}" || { not_built Ruby; return; }
		"$RUBY" -ryaml -e 'exit YAML.load_file(ARGV[0])["kind"] == "StatefulSet"' "$1" ||
			return
		mkdir -p volume
		grep -oE 'SNOWIDD_[A-Z_]+, value: [^}]*' "$1" |
			sed "s/, value: /=/; s/\"//g; s|/run/snowid|$PWD/volume|" >settings
		# shellcheck disable=SC2046 # words are meant
		test ! -s settings || run_daemon env -i $(cat settings) "$daemon" --check-config
	else
		mkdir -p etc
		openssl req -x509 -newkey ed25519 -nodes -subj /CN=localhost \
			-keyout etc/tls.key -out etc/tls.crt 2>&1
		sed "s|/etc/snowid|$PWD/etc|" "$1" >config.yaml
		run_daemon "$daemon" --check-config --config config.yaml
	fi
}
# On a host that is named as those of the examples.
run_daemon() { # run_daemon COMMAND...
	test -x "$daemon" || { not_built snowidd; return; }
	test -n "$own_name" || { echo "# skipped: not allowed to set a host name"; return; }
	$own_name sh -c 'hostname ids-2 && exec "$@"' sh "$@"
}
own_name=
for command in "unshare --uts" "unshare --uts --map-root-user"; do
	! $command hostname ids-2 2>"$tmp/unshare" || { own_name=$command; break; }
done

# Runs a query on three rows, of which two have a key within its range.
run_sql() { # run_sql FILE
	"${PYTHON:-python3}" - "$1" <<-'END'
		import re, sqlite3, sys
		query = open(sys.argv[1]).read()
		first, last = re.findall("'([^']*)'", query)
		database = sqlite3.connect(":memory:")
		database.execute("CREATE TABLE orders (id TEXT PRIMARY KEY)")
		rows = [(first,), (last,), (last.replace("01", "02", 1),)]
		database.executemany("INSERT INTO orders VALUES (?)", rows)
		sys.exit(database.execute(query).fetchall() != [(2,)])
	END
}

# Runs the examples of a document in the order of their numbers, in one directory.
run_examples() (
	cd "$directory" || exit
	trap 'test ! -f daemons || kill $(cat daemons)' EXIT
	for file in $(find . -name '[0-9]*.*' | sed 's|^\./||' | sort -n); do
		case $file in
		*.c)
			cp "$file" example.c
			# shellcheck disable=SC2046 # words are meant
			cc -o example example.c $(pkg-config --cflags --libs snowid) || exit
			# As Kubernetes would run it.
			WORKER=2 ./example >printed || { echo "$file: exit status $?"; exit 1; }
			;;
		*.out)
			test -f printed || { echo "$file: no program prints this"; exit 1; }
			diff "$file" printed || { echo "$file is not what is printed"; exit 1; }
			;;
		# Of the chapter about installing: tests/packages, scripts/debian and
		# scripts/installing run these.
		*.console.packages | *.console.source | *.console.service | *.console.uninstall) ;;
		*.console.pip | *.console.gem | *.console.rock) ;;
		*.console*)
			if grep -q '^$ snowidd' "$file"; then
				test -x "$daemon" || { not_built snowidd; continue; }
				PATH=$tmp/daemon:$PATH
			fi
			case $file in
			*.similar) run_commands "$file" 's/[0-9A-Za-z]+/x/g' || exit ;;
			*) run_commands "$file" '' || exit ;;
			esac
			;;
		*.python | *.ruby | *.lua) run_binding "$file" || exit ;;
		*.spec) snowid layout "$(cat "$file")" || exit ;;
		*.text) ;;
		*.yaml) run_yaml "$file" || exit ;;
		*.sql) run_sql "$file" || exit ;;
		*) echo "$file: not a language that can be run"; exit 1 ;;
		esac
	done
)

# Writes the code that is indented in the comments at the top of a Lua module.
examples_of_lua() { # examples_of_lua FILE
	sed -n '1,/^[^-]/s/^--     //p' "$1" >"$directory/0.lua"
}

# All documents at once, since some examples wait for a store.
documents=
markdown=$(find "$top_srcdir"/*.md "$top_srcdir/docs" -name '*.md')
for document in "$man"/*.[0-9] $markdown "$top_srcdir/bindings/lua/snowid.lua"; do
	name=${document#"$top_srcdir/"}
	directory=$tmp/examples/$name
	mkdir -p "$directory"
	case $document in
	*.md) examples_of_markdown "$document" ;;
	*.lua) examples_of_lua "$document" ;;
	*) examples_of_page "$document" ;;
	esac
	documents="$documents $name"
	if run_examples; then echo 0; else echo 1; fi >"$directory/log" 2>&1 &
done
wait

examples=0
result() { # result LOG: prints a log and returns the status in its last line
	sed '$d' "$1"
	return "$(sed -n '$p' "$1")"
}
for name in $documents; do
	directory=$tmp/examples/$name
	count=$(find "$directory" -name '[0-9]*.*' | wc -l)
	case $name in
	docs/design/*) ;;
	man/* | README.md | docs/* | bindings/*) check "$name has examples" test "$count" -gt 0 ;;
	esac
	examples=$((examples + count))
	test "$count" -eq 0 ||
		check "the examples of $name run and print what they show" result "$directory/log"
done
check "there are more than 100 examples" test "$examples" -gt 100
grep -h '^# skipped' -r "$tmp/examples" --include=log | sort | uniq -c || true

# A block that is indented instead of fenced would not be run.
unfenced() {
	awk '
		FNR == 1 { fenced = 0 }
		/^```/ { fenced = !fenced; next }
		!fenced && /^(    |\t)/ && !/^    scripts\// { print FILENAME ": " $0 }
		' "$top_srcdir/README.md" "$top_srcdir"/docs/*.md
}
check "no example is skipped because it is not fenced" nothing "$top_srcdir/README.md" unfenced

# ---- links ---------------------------------------------------------------------------------------

# shellcheck disable=SC2086 # words are meant
grep -oE '\]\([^)]+\)|(src|srcset)="[^"]+"' $markdown >"$tmp/links"
broken_link() {
	sed 's/:\](/ /; s/:src[a-z]*="/ /; s/[")].*$//' | while read -r file link; do
		case $link in
		http*://*) continue ;;
		esac
		test -e "$(dirname "$file")/${link%%#*}" || echo "$file: $link"
	done
}
check "the files that links refer to exist" nothing "$tmp/links" broken_link

# The functions and files that the documents of the design name are those of the sources.
design=$(find "$top_srcdir"/[AC]*.md "$top_srcdir/docs/design" -name '*.md')
# shellcheck disable=SC2086 # words are meant
grep -ohE '`[a-z0-9_]+\(\)`' $design | tr -d '`()' | sort -u >"$tmp/named_functions"
missing_function() {
	while read -r name; do
		grep -rqw --include='*.[ch]' --include='*.p*' "$name" "$top_srcdir/libsnowid" \
			"$top_srcdir/include" "$top_srcdir/snowidd" "$top_srcdir/tests" \
			"$top_srcdir/bindings" || echo "$name"
	done
}
folders='bindings|bench|deploy|docs|fuzz|libsnowid|scripts|snowidd|tests|tools'
# shellcheck disable=SC2086 # words are meant
grep -ohE "\`($folders)/[^\` ]*" $design |
	tr -d '`' | sort -u >"$tmp/named_files"
missing_file() {
	while read -r name; do
		case $name in *NAME* | *build*) continue ;; esac
		# shellcheck disable=SC2086 # a pattern
		ls -d "$top_srcdir"/$name >/dev/null 2>&1 || test -e "$top_builddir/$name" ||
			echo "$name"
	done
}
# In model.md the mutants of a rule are at the end of its row, in parentheses.
grep -oE '\((`[a-z-]+`(, )?)+[^)]*\) \|$' "$top_srcdir/docs/design/model.md" |
	grep -oE '`[a-z-]+`' | tr -d '`' >"$tmp/named_mutants"
missing_mutant() {
	while read -r name; do
		test -e "$top_srcdir/tests/mutants/$name.patch" || echo "$name"
	done
}
check "the functions that the documents name exist" nothing "$tmp/named_functions" missing_function
check "the files that the documents name exist" nothing "$tmp/named_files" missing_file
check "the mutants that model.md names exist" nothing "$tmp/named_mutants" missing_mutant
exit $status
