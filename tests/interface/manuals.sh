#!/bin/sh
# The manual agrees with the header, the library, the tool and the daemon: each function, constant, error,
# setting, option and metric has its entry, each synopsis is the declaration, each example in man pages,
# README and docs compiles, runs, and prints what is shown.
# SPDX-License-Identifier: MIT
set -eu
: "${top_srcdir:?make check sets it}" "${top_builddir:?}"
export LC_ALL=C TZ=UTC PYTHONDONTWRITEBYTECODE=1
unset SNOWID_STORE XDG_STATE_HOME
tmp=$(mktemp -d)
trap 'rm -rf "$tmp"' EXIT
status=0
man=$top_srcdir/man
header=$top_srcdir/include/snowid.h

check() { # check NAME COMMAND...: the output of a command that fails is shown
	what=$1
	shift
	if "$@" >"$tmp/check" 2>&1; then
		echo "ok - $what"
	else
		echo "not ok - $what"
		sed 's/^/    /' "$tmp/check"
		status=1
	fi
}

# Succeeds when nothing is printed, and something was looked at.
nothing() { # nothing FILE FUNCTION
	test -s "$1" || { echo "there is nothing to look at"; return 1; }
	"$2" <"$1" >"$tmp/missing"
	cat "$tmp/missing"
	test ! -s "$tmp/missing"
}

# ---- functions -----------------------------------------------------------------------------------

# Declarations without comments, one a line.
awk '
	{
		line = $0
		code = ""
		while (line != "") {
			if (comment) {
				end = index(line, "*/")
				line = end ? substr(line, end + 2) : ""
				comment = !end
			} else {
				begin = index(line, "/*")
				code = code (begin ? substr(line, 1, begin - 1) : line)
				line = begin ? substr(line, begin + 2) : ""
				comment = begin > 0
			}
		}
		if (code !~ /^#/ && code !~ /^extern "C"/ && code !~ /^}$/)
			print code
	}' "$header" | tr '\n\t' '  ' | tr ';' '\n' | grep -E 'snowid_[a-z0-9_]+\)?\(' |
	sed 's/  */ /g; s/^ //' | sort >"$tmp/declared"
sed 's/(.*//; s/.*[ *]//' "$tmp/declared" | grep snowid_ | sort >"$tmp/functions"

awk '
	function bare(text) { gsub(/"/, "", text); return text }
	/^\.Sh/ { synopsis = $2 == "SYNOPSIS" }
	!synopsis { next }
	/^\.Ft / { type = bare(substr($0, 5)) }
	/^\.Fo / { name = $2; arguments = "" }
	/^\.Fa / { arguments = arguments (arguments == "" ? "" : ", ") bare(substr($0, 5)) }
	/^\.Fc/ { print type (type ~ /\*$/ ? "" : " ") name "(" arguments ")" }
	' "$man"/snowid_*.3 | sort >"$tmp/synopses"

sed -n 's/^\.Nm \(snowid_[a-z0-9_]*\).*/\1/p' "$man"/snowid_*.3 | sort >"$tmp/names"

misnamed() {
	for page in "$man"/snowid_*.3; do
		name=$(basename "$page" .3)
		test "$(sed -n 's/^\.Nm \([a-z0-9_]*\).*/\1/p;T;q' "$page")" = "$name" || echo "$page"
	done
}
without_attribute() {
	while read -r name; do
		grep -q "^\.It Fn $name Ta Thread safety Ta MT-" "$(page_of "$name")" || echo "$name"
	done
}
not_in_overview() {
	while read -r name; do
		grep -q "^\.Fn $name\( \|$\)" "$man/libsnowid.3" || echo "$name"
	done
}
page_not_in_overview() {
	for page in "$man"/snowid_*.3; do
		grep -q "^\.It Xr $(basename "$page" .3) 3$" "$man/libsnowid.3" || echo "$page"
	done
}
# The errors that the comment above a declaration names, as "FUNCTION ERROR". Declarations without a
# comment of their own share that of the one before.
awk '
	/^\/\*/ { errors = "" }
	/^(\/\*| \*)/ {
		line = $0
		while (match(line, /SNOWID_E_[A-Z]+|-E[A-Z]+/)) {
			errors = errors " " substr(line, RSTART, RLENGTH)
			line = substr(line, RSTART + RLENGTH)
		}
		next
	}
	match($0, /snowid_[a-z0-9_]+\(/) {
		count = split(errors, list, " ")
		for (i = 1; i <= count; i++)
			print substr($0, RSTART, RLENGTH - 1), list[i]
	}' "$header" | sort -u >"$tmp/errors"
page_of() { # page_of FUNCTION
	grep -lE "^\.Nm $1( ,)?$" "$man"/snowid_*.3
}
unlisted_error() {
	while read -r name error; do
		sed -n '/^\.Sh ERRORS/,/^\.Sh ATTRIBUTES/p' "$(page_of "$name")" |
			grep -qE -- "^\.It (Dv|Fa) .*$(echo "$error" | sed 's/^-/\\\\-/')( |$)" || echo "$name: $error"
	done
}
check "each function has a page, and one alone" diff "$tmp/functions" "$tmp/names"
check "each error that snowid.h names is in the function's page" nothing "$tmp/errors" unlisted_error
check "each page is named by its first function" nothing "$tmp/functions" misnamed
check "each synopsis is the declaration in snowid.h" diff "$tmp/declared" "$tmp/synopses"
check "each function has its thread safety" nothing "$tmp/functions" without_attribute
check "libsnowid(3) names each function" nothing "$tmp/functions" not_in_overview
check "libsnowid(3) names each page" nothing "$tmp/functions" page_not_in_overview

# ---- constants, settings, options ----------------------------------------------------------------

# But for the guard of the header, SNOWID_E_* and the environment variable.
grep -oE 'SNOWID_[A-Z0-9_]+' "$header" | grep -vE '^SNOWID_(H|E_|STORE)$' | sort -u >"$tmp/constants"
undefined_constant() {
	while read -r name; do
		grep -qE "^\.(It Dv|Fd #define|Dv) $name( |$)" "$man"/*.3 || echo "$name"
	done
}
unexplained_error() {
	grep SNOWID_E_ | while read -r name; do
		grep -q "^\.It Dv $name$" "$man/libsnowid.3" || echo "$name"
	done
}
made_up_constant() {
	grep -hv '^\.Dt' "$man"/*.[0-9] | grep -oE 'SNOWID_[A-Z0-9_]+' | sort -u |
		comm -23 - "$tmp/constants" | grep -vx SNOWID_STORE || true
}
check "each constant is in a man page" nothing "$tmp/constants" undefined_constant
check "each error is explained in libsnowid(3)" nothing "$tmp/constants" unexplained_error
check "no man page makes up a constant" nothing "$tmp/constants" made_up_constant

PATH=$top_builddir:$PATH
# The library names all its settings to whoever asks for another.
snowid --set none=0 2>&1 | sed -n 's/ and /, /; s/.*the settings are //p' | sed 's/, /\n/g' |
	sort >"$tmp/settings"
grep -oE '^	\{"[a-z]+", offsetof|strcmp\(key, "[a-z]+"' "$top_srcdir/libsnowid/config.c" |
	grep -oE '"[a-z]+"' | tr -d '"' | { cat; echo field.NAME; } | sort -u >"$tmp/keys"
undocumented_setting() {
	while read -r key; do
		test "$key" = field.NAME && key='field\.\\& Ns Ar name'
		for page in snowid_config_new.3 snowid.1; do
			grep -q "^\.It Cm $key$" "$man/$page" || echo "$page: $key"
		done
	done
}
check "the library names each of its settings" diff "$tmp/keys" "$tmp/settings"
check "each setting is in snowid_config_new(3) and snowid(1)" nothing "$tmp/settings" undocumented_setting

snowid --help | sed -n 's/^  \([a-z][a-z]*\)  .*/\1/p' >"$tmp/commands"
for command in $(cat "$tmp/commands"); do
	snowid "$command" --help
done | grep -E '^ +-' | sed 's/^ *//; s/  .*//' | sort -u >"$tmp/options"
undocumented_command() {
	while read -r command; do
		grep -q "^\.It Cm $command$" "$man/snowid.1" || echo "$command"
	done
}
undocumented_option() {
	tr ',' '\n' | while read -r option argument; do
		case $option in
		--*) macro="Fl Fl ${option#--}" ;;
		*) macro="Fl ${option#-}" ;;
		esac
		grep -qE "^\.It (.* )?$macro( |$)" "$man/snowid.1" || echo "$option $argument"
	done
}
check "each command is in snowid(1)" nothing "$tmp/commands" undocumented_command
check "each option is in snowid(1)" nothing "$tmp/options" undocumented_option

snowid layout | awk 'NR > 1 && !/ 128 bits$/ { print $1 }' >"$tmp/presets"
undocumented_preset() {
	while read -r preset; do
		grep -q "^\.It Cm $preset$" "$man/snowid-layouts.7" || echo "$preset"
	done
}
check "each preset is in snowid-layouts(7)" nothing "$tmp/presets" undocumented_preset

sed -n 's/.*\.scheme = "\([a-z]*\):".*/\1/p' "$top_srcdir"/libsnowid/store/*.c >"$tmp/stores"
undocumented_store() {
	while read -r store; do
		grep -qF ".It Cm $store:\\&" "$man/snowid-stores.7" || echo "$store"
	done
}
check "each store is in snowid-stores(7)" nothing "$tmp/stores" undocumented_store

# Of the daemon, as its sources have them: it need not be built here.
sed -n 's/^	{"\([a-z_.]*\)", [A-Z_]*, AT(.*/\1/p' "$top_srcdir/snowidd/config/settings.c" >"$tmp/daemon_keys"
undocumented_daemon_key() {
	while read -r key; do
		grep -qE "^\.It (.* )?(Cm )?$key( |$)" "$man/snowidd.yaml.5" || echo "$key"
	done
}
check "each setting of the daemon is in snowidd.yaml(5)" nothing "$tmp/daemon_keys" undocumented_daemon_key

grep -oE '(family|single)\(to, "[a-z_]+"' "$top_srcdir/snowidd/service/metrics.c" | cut -d'"' -f2 >"$tmp/metrics"
undocumented_metric() {
	while read -r name; do
		grep -q "^\.It Cm snowid_$name$" "$man/snowidd.8" || echo "$name"
	done
}
check "each metric is in snowidd(8)" nothing "$tmp/metrics" undocumented_metric

sed -n 's/.*= {"\([a-z_]*\)", ".*/\1/p' "$top_srcdir/snowidd/service/refusal.c" | grep -vx none >"$tmp/codes"
sed -n 's/.*problem(call, [0-9]*, "\([a-z_]*\)".*/\1/p; s/.*problem(&call, [0-9]*, "\([a-z_]*\)".*/\1/p' \
	"$top_srcdir/snowidd/http/rest.c" >>"$tmp/codes"
sed -n 's/^		{[0-9]*, "\([a-z_]*\)", ".*/\1/p' "$top_srcdir/snowidd/http/http.c" >>"$tmp/codes"
undocumented_code() {
	sort -u | while read -r code; do
		grep -qE "^\.It Cm $code Pq [0-9]+$" "$man/snowidd.8" || echo "$code"
	done
}
check "each error code of the daemon is in snowidd(8)" nothing "$tmp/codes" undocumented_code

sed -n 's|^	{"\(/[^"]*\)", \(rest_\)\{0,1\}get_.*|\1|p' "$top_srcdir/snowidd/http/rest.c" >"$tmp/paths"
undocumented_path() {
	while read -r path; do
		grep -qE "^\.It Pa (.* )?$path([ ?]|$)" "$man/snowidd.8" || echo "$path"
	done
}
check "each path of the daemon is in snowidd(8)" nothing "$tmp/paths" undocumented_path

grep -E '^[^"]*"  --' "$top_srcdir/snowidd/main.c" | grep -oE -- '--[a-z-]+' | sed 's/^--//' >"$tmp/switches"
undocumented_switch() {
	while read -r switch; do
		grep -qE "^\.It Fl (.* )?-?$switch( |$)" "$man/snowidd.8" || echo "$switch"
	done
}
check "each option of the daemon is in snowidd(8)" nothing "$tmp/switches" undocumented_switch

grep -ohE 'getenv\("[A-Z_]+"' "$top_srcdir"/libsnowid/*.c "$top_srcdir"/libsnowid/*/*.c "$top_srcdir"/tools/*.c | cut -d'"' -f2 |
	sort -u >"$tmp/environment"
undocumented_variable() {
	while read -r name; do
		grep -q "^\.It Ev $name$" "$man/snowid.1" || echo "$name"
	done
}
check "each environment variable is in snowid(1)" nothing "$tmp/environment" undocumented_variable

# ---- examples ------------------------------------------------------------------------------------

# pkg-config finds what was built as it would find what is installed.
export PKG_CONFIG_PATH="$tmp/pkgconfig" LD_LIBRARY_PATH="$top_builddir/.libs"
mkdir "$tmp/pkgconfig" "$tmp/home" "$tmp/bin"
sed "s|^libdir=.*|libdir=$LD_LIBRARY_PATH|; s|^includedir=.*|includedir=$top_srcdir/include|" \
	"$top_builddir/snowid.pc" >"$tmp/pkgconfig/snowid.pc"
printf '#!/bin/sh\nPATH=%s\nexec %s -Wall -Wextra -Werror "$@"\n' "$PATH" "${CC:-cc}" >"$tmp/bin/cc"
chmod +x "$tmp/bin/cc"
export HOME="$tmp/home" PATH="$tmp/bin:$PATH"

# Both write the examples of a document as files 1.c, 2.console, 3.out, ... into $directory.
#
# Of a man page: all literal blocks. One with a main function is a program, one that begins with $ are
# commands, one with a key at the beginning of a line is YAML, one with the field time is a layout; in
# EXAMPLES, any other is what the program before it prints.
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

# Of a Markdown file: fenced blocks by their language. "console similar" is for output that is of
# another value each time.
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

# Runs the commands of a file, which begin with "$ ", and compares what they print with what follows
# each. Nothing shown is nothing compared.
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
	awk 1 printed | sed -E "$1" | diff wanted - || { # awk: with a newline at the end
		echo "printed by: $command"
		return 1
	}
}

# In the languages that were built.
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
	*.lua)
		test -e "$top_builddir/bindings/lua/tree.5.4" || { not_built Lua; return; }
		LUA_PATH="$top_srcdir/bindings/lua/?.lua;;" \
			LUA_CPATH="$top_builddir/bindings/lua/tree.5.4/?.so;;" "$LUA54" "$1"
		;;
	esac
}
not_built() {
	echo "# skipped: $1 was not built"
}

# The daemon of the examples listens on a socket in the directory of its document, and not on a port. With
# options, it checks them and ends.
daemon=$top_builddir/snowidd/snowidd
export STATE_DIRECTORY="$tmp/home"
mkdir "$tmp/daemon"
cat >"$tmp/daemon/snowidd" <<-END
	#!/bin/sh
	test \$# -eq 0 || exec "$daemon" --check-config "\$@"
	echo \$\$ >>daemons
	exec "$daemon" --listen "unix:\$PWD/socket" 2>daemon.log
END
cat >"$tmp/daemon/curl" <<-END
	#!/bin/sh
	while test ! -S socket; do sleep 0.01; done
	exec $(command -v curl || echo curl) --silent --fail --max-time 60 --unix-socket socket "\$@"
END
chmod +x "$tmp/daemon/snowidd" "$tmp/daemon/curl"

# What is configured exists, and so the files of this example have to.
run_yaml() { # run_yaml FILE
	if grep -q '^apiVersion:' "$1"; then
		test -n "${RUBY-}" || { not_built Ruby; return; }
		"$RUBY" -ryaml -e 'exit YAML.load_file(ARGV[0])["kind"] == "StatefulSet"' "$1" || return
		grep -oE 'SNOWIDD_[A-Z_]+, value: [^}]*' "$1" | sed 's/, value: /=/; s/"//g; s/=hostname$/=7/' >settings
		# shellcheck disable=SC2046 # words are meant
		test ! -s settings || run_daemon env -i $(cat settings) "$daemon" --check-config
	else
		mkdir -p etc
		openssl req -x509 -newkey ed25519 -nodes -subj /CN=localhost -keyout etc/tls.key -out etc/tls.crt 2>&1
		sed "s|/etc/snowid|$PWD/etc|; s/hostname/7/" "$1" >config.yaml
		run_daemon "$daemon" --check-config --config config.yaml
	fi
}
run_daemon() { # run_daemon COMMAND...
	test -x "$daemon" || { not_built snowidd; return; }
	"$@"
}

# Two of three rows have a key within the range.
run_sql() { # run_sql FILE
	"${PYTHON:-python3}" - "$1" <<-'END'
		import re, sqlite3, sys
		query = open(sys.argv[1]).read()
		first, last = re.findall("'([^']*)'", query)
		database = sqlite3.connect(":memory:")
		database.execute("CREATE TABLE orders (id TEXT PRIMARY KEY)")
		database.executemany("INSERT INTO orders VALUES (?)", [(first,), (last,), (last.replace("01", "02", 1),)])
		sys.exit(database.execute(query).fetchall() != [(2,)])
	END
}

run_examples() ( # in order of their numbers, in one directory for each document
	cd "$directory" || exit
	trap 'test ! -f daemons || kill $(cat daemons)' EXIT
	for file in $(find . -name '[0-9]*.*' | sed 's|^\./||' | sort -n); do
		case $file in
		*.c)
			cp "$file" example.c
			# shellcheck disable=SC2046 # words are meant
			cc -o example example.c $(pkg-config --cflags --libs snowid) || exit
			./example >printed || { echo "$file: exit status $?"; exit 1; }
			;;
		*.out)
			test -f printed || { echo "$file: what prints this?"; exit 1; }
			diff "$file" printed || { echo "$file is not what is printed"; exit 1; }
			;;
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
		*.yaml) run_yaml "$file" || exit ;;
		*.sql) run_sql "$file" || exit ;;
		*) echo "$file: what language is this?"; exit 1 ;;
		esac
	done
)

# All at once, since some wait for a store.
documents=
for document in "$man"/*.[0-9] "$top_srcdir"/*.md "$top_srcdir"/docs/*.md; do
	name=${document#"$top_srcdir/"}
	directory=$tmp/examples/$name
	mkdir -p "$directory"
	case $document in
	*.md) examples_of_markdown "$document" ;;
	*) examples_of_page "$document" ;;
	esac
	documents="$documents $name"
	if run_examples; then echo 0; else echo 1; fi >"$directory/log" 2>&1 &
done
wait

examples=0
result() { # result LOG: whose last line is the status
	sed '$d' "$1"
	return "$(sed -n '$p' "$1")"
}
for name in $documents; do
	directory=$tmp/examples/$name
	count=$(find "$directory" -name '[0-9]*.*' | wc -l)
	case $name in
	man/* | README.md | docs/*) check "$name has examples" test "$count" -gt 0 ;;
	esac
	examples=$((examples + count))
	test "$count" -eq 0 || check "examples of $name" result "$directory/log"
done
check "there are examples at all" test "$examples" -gt 100
grep -h '^# skipped' "$tmp"/examples/*/log "$tmp"/examples/*/*/log | sort | uniq -c || true

# What is indented instead of fenced would be passed over.
unfenced() {
	awk '
		FNR == 1 { fenced = 0 }
		/^```/ { fenced = !fenced; next }
		!fenced && /^(    |\t)/ && !/^    scripts\// { print FILENAME ": " $0 }
		' "$top_srcdir/README.md" "$top_srcdir"/docs/*.md
}
check "no example is passed over" nothing "$top_srcdir/README.md" unfenced

# ---- links ---------------------------------------------------------------------------------------

grep -oE '\]\([^)]+\)|(src|srcset)="[^"]+"' "$top_srcdir"/*.md "$top_srcdir"/docs/*.md >"$tmp/links"
broken_link() {
	sed 's/:\](/ /; s/:src[a-z]*="/ /; s/[")].*$//' | while read -r file link; do
		case $link in
		http*://*) continue ;;
		esac
		test -e "$(dirname "$file")/${link%%#*}" || echo "$file: $link"
	done
}
check "links lead somewhere" nothing "$tmp/links" broken_link
exit $status
