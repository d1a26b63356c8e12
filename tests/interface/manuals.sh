#!/bin/sh
# The man pages agree with the header, the library, the tool and the daemon: each function,
# constant, error, setting, option and metric has its entry, and each synopsis is the declaration.
# SPDX-License-Identifier: MIT
. "${top_srcdir:?make check sets it}/tests/interface/check.sh"
export LC_ALL=C
unset SNOWID_STORE XDG_STATE_HOME
man=$top_srcdir/man
header=$top_srcdir/include/snowid.h
PATH=$top_builddir:$PATH

# Succeeds when a page has a line for each name of a file. In the pattern @ stands for the name.
each_in() { # each_in FILE PAGE PATTERN
	test -s "$1" || { echo "there is nothing to look at"; return 1; }
	while read -r name; do
		grep -qE "$(printf '%s\n' "$3" | sed "s|@|$name|g")" "$man/$2" || echo "$2: $name"
	done <"$1" >"$tmp/missing"
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
		if (!in_macro && code !~ /^#/ && code !~ /^extern "C"/ && code !~ /^}$/)
			print code
		in_macro = code ~ /\\$/
	}' "$header" | tr '\n\t' '  ' | tr ';' '\n' | grep -E 'snowid_[a-z0-9_]+\)?\(' |
	sed 's/  */ /g; s/^ //; s/)\( SNOWID_[A-Z_]*\)*$/)/' | sort >"$tmp/declared"
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
		first=$(sed -n 's/^\.Nm \([a-z0-9_]*\).*/\1/p;T;q' "$page")
		test "$first" = "$name" || echo "$page"
	done
}
without_attribute() {
	while read -r name; do
		grep -q "^\.It Fn $name Ta Thread safety Ta MT-" "$(page_of "$name")" ||
			echo "$name"
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
		pattern=$(echo "$error" | sed 's/^-/\\\\-/')
		sed -n '/^\.Sh ERRORS/,/^\.Sh ATTRIBUTES/p' "$(page_of "$name")" |
			grep -qE -- "^\.It (Dv|Fa) .*$pattern( |$)" || echo "$name: $error"
	done
}
check "each function has exactly one page" diff "$tmp/functions" "$tmp/names"
check "each error that snowid.h names is in the function's page" \
	nothing "$tmp/errors" unlisted_error
check "each page is named by its first function" nothing "$tmp/functions" misnamed
check "each synopsis is the declaration in snowid.h" diff "$tmp/declared" "$tmp/synopses"
check "each function has its thread safety" nothing "$tmp/functions" without_attribute
check "libsnowid(3) names each function" each_in "$tmp/functions" libsnowid.3 "^\.Fn @( |$)"
check "libsnowid(3) names each page" nothing "$tmp/functions" page_not_in_overview

# ---- constants, settings, options ----------------------------------------------------------------

# All but the guard of the header, attributes, SNOWID_E_* and the environment variable.
grep -oE 'SNOWID_[A-Z0-9_]+' "$header" |
	grep -vE '^SNOWID_(H|E_|STORE|MUST_CHECK|ENDS_IN_NULL)$' | sort -u >"$tmp/constants"
undefined_constant() {
	while read -r name; do
		grep -qE "^\.(It Dv|Fd #define|Dv) $name( |$)" "$man"/*.3 || echo "$name"
	done
}
invented_constant() {
	grep -hv '^\.Dt' "$man"/*.[0-9] | grep -oE 'SNOWID_[A-Z0-9_]+' | sort -u |
		comm -23 - "$tmp/constants" |
		grep -vxE 'SNOWID_(STORE|STORE_PASSWORD|STORE_TOKEN|MODULES)' || true
}
check "each constant is in a man page" nothing "$tmp/constants" undefined_constant
grep SNOWID_E_ "$tmp/constants" >"$tmp/codes"
check "each error is explained in libsnowid(3)" each_in "$tmp/codes" libsnowid.3 "^\.It Dv @$"
check "no man page names a constant that snowid.h lacks" nothing "$tmp/constants" invented_constant

# Asked for a setting that does not exist, the library names all that do.
snowid --set none=0 2>&1 | sed -n 's/.*the settings are //; T; s/ and /, /; s/, /\n/gp' |
	sort >"$tmp/settings"
grep -oE '^	\{"[a-z_]+", offsetof|strcmp\(key, "[a-z]+"' "$top_srcdir/libsnowid/config.c" |
	grep -oE '"[a-z_]+"' | tr -d '"' | { cat; echo field.NAME; } | sort -u >"$tmp/keys"
undocumented_setting() {
	while read -r key; do
		test "$key" = field.NAME && key='field\.\\& Ns Ar name'
		for page in snowid_config_new.3 snowid.1; do
			grep -q "^\.It Cm $key$" "$man/$page" || echo "$page: $key"
		done
	done
}
check "the library names each of its settings" diff "$tmp/keys" "$tmp/settings"
check "each setting is in snowid_config_new(3) and snowid(1)" \
	nothing "$tmp/settings" undocumented_setting

snowid --help | sed -n 's/^  \([a-z][a-z]*\)  .*/\1/p' >"$tmp/commands"
for command in $(cat "$tmp/commands"); do
	snowid "$command" --help
done | grep -E '^ +-' | sed 's/^ *//; s/  .*//' | sort -u >"$tmp/options"
undocumented_option() {
	sed 's/\\-/-/g' "$man/snowid.1" >"$tmp/snowid.1"
	tr ',' '\n' | while read -r option argument; do
		case $option in
		--*) macro="Fl Fl ${option#--}" ;;
		*) macro="Fl ${option#-}" ;;
		esac
		grep -qE "^\.It (.* )?$macro( |$)" "$tmp/snowid.1" || echo "$option $argument"
	done
}
check "each command is in snowid(1)" each_in "$tmp/commands" snowid.1 "^\.It Cm @$"
check "each option is in snowid(1)" nothing "$tmp/options" undocumented_option

snowid layout | awk 'NR > 1 && !/ 128 bits$/ { print $1 }' >"$tmp/presets"
check "each preset is in snowid-layouts(7)" each_in "$tmp/presets" snowid-layouts.7 "^\.It Cm @$"

sed -n 's/.*\.scheme = "\([a-z]*\):".*/\1/p' "$top_srcdir"/libsnowid/store/*.c >"$tmp/stores"
sed -n 's/^SERVICE_STORE(\([a-z]*\));$/\1/p' "$top_srcdir/libsnowid/coordinator/service_store.c" \
	>>"$tmp/stores"
check "each store is in snowid-stores(7)" each_in "$tmp/stores" snowid-stores.7 "\.It Cm @:\\\\&"

grep -ohE 'getenv\("[A-Z_]+"' "$top_srcdir"/libsnowid/*.c "$top_srcdir"/libsnowid/*/*.c \
	"$top_srcdir"/tools/*.c | cut -d'"' -f2 |
	sort -u >"$tmp/environment"
check "each environment variable is in snowid(1)" each_in "$tmp/environment" snowid.1 "^\.It Ev @$"

# ---- the daemon ----------------------------------------------------------------------------------

# As its sources have them: it need not be built here.
daemon=$top_srcdir/snowidd
sed -n 's/^	{"\([a-z_.]*\)", [A-Z_]*, AT(.*/\1/p' "$daemon/config/settings.c" \
	>"$tmp/daemon_keys"
check "each setting of the daemon is in snowidd.yaml(5)" \
	each_in "$tmp/daemon_keys" snowidd.yaml.5 "^\.It (.* )?(Cm )?@( |$)"

grep -oE '(family|single)\(to, "[a-z_]+"' "$daemon/service/metrics.c" | cut -d'"' -f2 \
	>"$tmp/metrics"
check "each metric is in snowidd(8)" each_in "$tmp/metrics" snowidd.8 "^\.It Cm snowid_@$"
grep '^\.It Cm snowid_' "$man/snowidd.8" | sort >"$tmp/metric_entries"
repeated_metric() {
	uniq -d
}
check "no metric is in snowidd(8) twice" nothing "$tmp/metric_entries" repeated_metric

{
	sed -n 's/.*= {"\([a-z_]*\)", ".*/\1/p' "$daemon/service/refusal.c" | grep -vx none
	sed -n 's/.*problem(&*call, [0-9]*, "\([a-z_]*\)".*/\1/p' "$daemon/http/rest.c"
	sed -n 's/^		{[0-9]*, "\([a-z_]*\)", ".*/\1/p' "$daemon/http/http.c"
} | sort -u >"$tmp/daemon_codes"
check "each error code of the daemon is in snowidd(8)" \
	each_in "$tmp/daemon_codes" snowidd.8 "^\.It Cm @ Pq [0-9]+$"

sed -n 's|^	{"\(/[^"]*\)", \(rest_\)\{0,1\}get_.*|\1|p' "$daemon/http/rest.c" >"$tmp/paths"
check "each path of the daemon is in snowidd(8)" \
	each_in "$tmp/paths" snowidd.8 "^\.It Pa (.* )?@([ ?]|$)"

grep -E '^[^"]*"  --' "$daemon/main.c" | grep -oE -- '--[a-z-]+' | sed 's/^--//' >"$tmp/switches"
check "each option of the daemon is in snowidd(8)" \
	each_in "$tmp/switches" snowidd.8 "^\.It Fl (.* )?-?@( |$)"
exit $status
