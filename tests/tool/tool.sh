#!/bin/bash
# SPDX-License-Identifier: MIT
#
# The command-line tool from outside. Expected values come from tests/vectors and from arithmetic.
# Runs $top_builddir/snowid; prints a line per check and a count, and fails if any check did.
set -u
export LC_ALL=C TZ=UTC
unset NO_COLOR POSIXLY_CORRECT XDG_STATE_HOME SNOWID_STORE

source_dir=${top_srcdir:-$(cd "$(dirname "$0")/../.." && pwd)}
tool=${top_builddir:-.}/snowid
if [ -x "${top_builddir:-.}/.libs/snowid" ]; then # where $tool is a script of libtool's, and slow
	tool=${top_builddir:-.}/.libs/snowid
	export LD_LIBRARY_PATH=${top_builddir:-.}/.libs
fi
vectors=$source_dir/tests/vectors
work=$(mktemp -d) || exit 1
trap 'rm -rf "$work"' EXIT
export HOME=$work/home
mkdir "$HOME"
if [ -n "${EMULATOR-}" ]; then
	printf '#!/bin/sh\nexec %s "%s" "$@"\n' "$EMULATOR" "$tool" >"$work/snowid"
	chmod +x "$work/snowid"
	tool=$work/snowid
fi
passed=0 failed=0

report() # STATUS NAME [DETAIL]
{
	if [ "$1" = 0 ]; then
		passed=$((passed + 1))
		echo "ok - $2"
	else
		failed=$((failed + 1))
		echo "not ok - $2${3:+: $3}"
	fi
}

is() # NAME GOT WANTED
{
	[ "$2" = "$3" ]
	report $? "$1" "'$2' is not '$3'"
}

has() # NAME TEXT PART
{
	case $2 in
	*"$3"*) report 0 "$1" ;;
	*) report 1 "$1" "'$3' is not in '$2'" ;;
	esac
}

lacks() # NAME TEXT PART
{
	case $2 in
	*"$3"*) report 1 "$1" "'$3' is in '$2'" ;;
	*) report 0 "$1" ;;
	esac
}

# Runs the tool; leaves $out, $err and $status.
run()
{
	"$tool" "$@" >"$work/out" 2>"$work/err" </dev/null
	status=$?
	out=$(<"$work/out") err=$(<"$work/err")
}

prints() # NAME WANTED ARGUMENTS...
{
	local name=$1 wanted=$2
	shift 2
	run "$@"
	is "$name" "$status:$out$err" "0:$wanted"
}

refuses() # STATUS PART ARGUMENTS...: nothing printed, and the message has the part
{
	local wanted=$1 part=$2
	shift 2
	run "$@"
	is "exit $wanted, nothing printed: $*" "$status:$out" "$wanted:"
	has "message names it: $*" "$err" "$part"
}

# In a terminal; the rest of the arguments are one shell command.
terminal()
{
	TERM=xterm script -qec "$1" /dev/null </dev/null
}

increasing() # FILE: numbers, each above the one before
{
	sort -c -u -n "$1"
}

twitter=1541815603606036480
json='{"id":"1541815603606036480","kind":"twitter","unix_ms":1656432460105,'
json+='"time":"2022-06-28T16:07:40.105Z","datacenter":11,"worker":26,"sequence":0}'
commands='generate decode encode convert range layout store explain bench'

# These measure for seconds: beside the rest.
"$tool" bench --json >"$work/bench.json" 2>"$work/bench.err" </dev/null &
bench_json=$!
"$tool" bench >"$work/bench.out" </dev/null &
bench_text=$!

# ---- help ------------------------------------------------------------------------------------

run --version
is "--version" "$status:${out%% *}" "0:snowid"
is "-V of a command" "$("$tool" decode -V)" "$out"
for command in '' $commands; do
	run $command --help
	is "--help $command succeeds" "$status:$err" "0:"
	is "--help $command fits a screen" \
		"$(awk 'length > 80 || NR > 24' "$work/out" | head -n 1)" ""
	has "--help $command says how" "$out" "Usage: snowid"
	is "-h is --help of $command" "$("$tool" $command -h)" "$out"
done
for command in $commands; do
	has "--help lists $command" "$("$tool" --help)" "  $command "
done

# ---- decode ----------------------------------------------------------------------------------

is "a byte order mark is skipped" \
	"$(printf '\xef\xbb\xbf%s\n' $twitter | "$tool" decode -k twitter --json)" "$json"
refuses_mark() # TEXT, with a mark that is not at the beginning
{
	is "no other mark is" "$(printf "$1" | "$tool" convert -f decimal 2>/dev/null)" 5
}
refuses_mark '5\n\xef\xbb\xbf6\n'
refuses_mark '\xef\xbb\xbf\xef\xbb\xbf6\n5\n'
prints "decode --json" "$json" decode -k twitter --json $twitter
prints "options after operands" "$json" decode $twitter -k twitter --json
prints "-- and --opt=value" "$json" decode --kind=twitter --json -- $twitter
prints "shortened options" "$json" decode --ki twitter --js $twitter
is "decode of standard input" "$(echo $twitter | "$tool" decode -k twitter --json)" "$json"
is "no newline at the end" "$(printf %s $twitter | "$tool" decode -k twitter --json)" "$json"
is "blanks, CR LF and blank lines" \
	"$(printf ' \t%s \r\n\r\n\n' $twitter | "$tool" decode -k twitter --json)" "$json"
run decode -k twitter $twitter
has "decode as text" "$out" "time             2022-06-28T16:07:40.105Z"
lacks "no picture in a pipe" "$out" "worker:5"
lacks "no colour in a pipe" "$out" $'\e'
run decode $twitter
is "without a kind: a line for each preset, those of the past first" \
	"$(awk 'NR > 3 { print $1 }' "$work/out" | paste -sd' ')" \
	"twitter discord instagram snowflake sonyflake js53"
for line in "id               $twitter" \
	"KIND       TIME                      WHEN           FIELDS" \
	"twitter    2022-06-28T16:07:40.105Z " \
	" years ago    datacenter 11, worker 26, sequence 0" \
	"snowflake  2032-" \
	"js53       -                         impossible     the ID has more than 53 bits"; do
	has "it has $line" "$out" "$line"
done
run decode --json $twitter -f hex 9223372036854775808
is "without a kind: JSON for each ID" "$status:$err:$(wc -l <"$work/out")" 0::2
has "its ID" "$out" "{\"id\":\"$(printf %016x $twitter)\",\"candidates\":[{\"kind\":\"twitter\",$(
	)\"future\":false,${json#*\"twitter\",},{\"kind\":\"discord\",\"future\":false,"
has "the impossible ones are missing" "$(tail -n 1 "$work/out")" \
	"{\"id\":\"8000000000000000\",\"candidates\":[{\"kind\":\"discord\",\"future\":true,"
# Of the year 2089: that is in the future as long as nobody repairs this test.
future=$("$tool" encode -k snowflake --time 2089-06-01)
has "a time of the future is marked" "$("$tool" decode "$future")" \
	"snowflake  2089-06-01T00:00:00.000Z  in the future "
has "decode -f" "$("$tool" decode -f hex --json 255)" '"id":"00000000000000ff"'
has "decode -i" "$("$tool" decode -i hex --json 00000000000000ff)" '"id":"255"'
has "a field above 53 bits is a string" \
	"$("$tool" decode -k time:8,node:56 --json 18446744073709551615)" \
	'"node":"72057594037927935"'

while IFS=$'\t' read -r layout epoch id fields _; do
	[ "$layout" = layout ] && continue
	kind="$layout;epoch=$epoch" flags=()
	run decode -k "$kind" --json "$id"
	for field in $fields; do
		name=${field%%=*} value=${field#*=}
		case "$out" in
		*"\"$name\":$value,"* | *"\"$name\":$value}"*) report 0 "$id has $field" ;;
		*) report 1 "$id has $field" "$out$err" ;;
		esac
		if [ "$name" = unix_ms ]; then
			flags+=(--time "@$((value / 1000)).$(printf %03d $((value % 1000)))")
		else
			flags+=(--field "$field")
		fi
	done
	prints "encode gives $id" "$id" encode -k "$kind" "${flags[@]}"
	decoded=$out
	"$tool" decode -k "$kind" --json "$id" >"$work/decoded"
	prints "encode --json is decode --json" "$(<"$work/decoded")" \
		encode -k "$kind" --json "${flags[@]}"
	is "decode of encode" "$decoded" "$id"
done <"$vectors/layouts.tsv"

while IFS=$'\t' read -r case input expect _; do
	case $case in
	timestamp | valid | lowercase)
		has "decode $input" "$("$tool" decode --json "$input")" \
			"\"kind\":\"ulid\",\"unix_ms\":${expect#*=},"
		;;
	as-uuid)
		wanted=${expect,,}
		prints "convert $input" "$wanted" convert -f uuid "$input"
		prints "convert $expect" "$input" convert -f ulid "$expect"
		wanted=${wanted//-/}
		has "random of $input" "$("$tool" decode --json "$input")" \
			"\"random\":\"${wanted:12}\"}"
		;;
	invalid)
		refuses 1 "$input" decode "$input"
		;;
	esac
done <"$vectors/ulid.tsv"
has "a ULID after 9999 has no time" "$("$tool" decode --json 7ZZZZZZZZZZZZZZZZZZZZZZZZZ)" \
	'"unix_ms":281474976710655,"time":null,"random":"ffffffffffffffffffff"}'

uuid_json() # what each decoded UUID begins with
{
	printf '{"id":"%s","kind":"uuid%s","version":%s,"variant":"rfc9562",' \
		"${uuid,,}" "$version" "$version"
}

while IFS=$'\t' read -r version uuid expect _; do
	run decode --json "$uuid"
	case $version in
	1 | 6)
		time=${expect#time=} time=${time%%Z*} node=${expect#*node=}
		sequence=${expect#*clock_seq=} sequence=$((${sequence%% *}))
		is "decode $uuid" "$out" "$(uuid_json)\"unix_ms\":$(date -d "${time}Z" +%s)000,$(
		)\"time\":\"$time.000Z\",\"clock_seq\":$sequence,\"node\":\"$node\"}"
		prints "encode gives $uuid" "${uuid,,}" encode -k "uuid$version" --time "${time}Z" \
			--field "clock_seq=$sequence" --field "node=0x${node//:/}"
		;;
	7)
		# rand_a is 0xcc3, rand_b 0x18c4dc0c0c07398f (RFC 9562, A.6): 12 bits and 62.
		is "decode $uuid" "$out" "$(uuid_json)\"unix_ms\":${expect#*=},$(
		)\"time\":\"2022-02-22T19:22:22.000Z\",\"random\":\"330d8c4dc0c0c07398f\"}"
		;;
	'7<->ulid')
		prints "convert $uuid" "$expect" convert -f ulid "$uuid"
		prints "convert $expect" "${uuid,,}" convert -f uuid "$expect"
		;;
	esac
done <"$vectors/uuid.tsv"
# RFC 9562, A.3: a UUID of version 4 holds nothing.
uuid=919108f7-52d1-4320-9bac-f847db4148a8 version=4
prints "decode a random UUID" "$(uuid_json | sed 's/,$/}/')" decode --json $uuid
prints "decode the largest UUID" \
	'{"id":"ffffffff-ffff-ffff-ffff-ffffffffffff","kind":"max","variant":"future"}' \
	decode --json FFFFFFFF-FFFF-FFFF-FFFF-FFFFFFFFFFFF
run decode --json 00000000-0000-0000-0000-000000000000
has "decode names Nil" "$out" '"kind":"nil"'
has "a UUID of 32 digits" "$("$tool" decode --json 017F22E279B07CC398C4DC0C0C07398F)" uuid7
has "a UUID in braces" "$("$tool" decode --json '{017F22E2-79B0-7CC3-98C4-DC0C0C07398F}')" uuid7
has "a UUID as URN" \
	"$("$tool" decode --json urn:uuid:017F22E2-79B0-7CC3-98C4-DC0C0C07398F)" uuid7
has "a UUID read as ULID" \
	"$("$tool" decode -k ulid --json 017F22E2-79B0-7CC3-98C4-DC0C0C07398F)" \
	'"id":"01FWHE4YDGFK1SHH6W1G60EECF","kind":"ulid"'

# ---- bad input loses nothing -----------------------------------------------------------------

printf '%s\nwrong\n%s\n' $twitter $twitter |
	"$tool" decode -k twitter --json >"$work/out" 2>"$work/err"
is "a bad line: exit 1" "$?" 1
is "a bad line: the rest is there" "$(<"$work/out")" "$json"$'\n'"$json"
has "a bad line: its number" "$(<"$work/err")" "snowid: line 2: 'wrong': "
is "a bad line: one message" "$(wc -l <"$work/err")" 1
run decode -k twitter --json $twitter wrong $twitter
is "a bad operand" "$status:$out" "1:$json"$'\n'"$json"
has "a bad operand is named" "$err" "'wrong': "
for bytes in '\x80' '\xff\xfe12' '12\x0034' '\e[31m1' '1\x9b31m' '\xc2\x9b1'; do
	printf "1\n$bytes\n2\n" | "$tool" convert -f decimal >"$work/out" 2>"$work/err"
	is "bytes $bytes: exit 1" "$?" 1
	is "bytes $bytes: the rest is there" "$(<"$work/out")" $'1\n2'
	is "bytes $bytes: the message is printable" "$(tr -d '[:print:]\n' <"$work/err")" ""
done
{ head -c 100000 /dev/zero | tr '\0' 1; printf '\n7\n'; } |
	"$tool" convert -f decimal >"$work/out" 2>"$work/err"
is "a line that is too long" "$?:$(<"$work/out")" 1:7
refuses 1 "20000000000000000000" convert -f hex 20000000000000000000
refuses 1 "63 bits" decode -k snowflake 18446744073709551615
run decode </dev/null
is "no input, no output" "$status:$out$err" "0:"
"$tool" decode </ >/dev/null 2>"$work/err"
is "standard input is a directory" "$?" 1
"$tool" decode <&- >/dev/null 2>"$work/err"
is "standard input is closed" "$?" 1
has "that is said" "$(<"$work/err")" "standard input"

# ---- encode, convert, range ------------------------------------------------------------------

prints "encode: zeros elsewhere" "$(((1656432460105 - 1288834974657) << 22))" \
	encode -k twitter --time 2022-06-28T16:07:40.105Z
prints "encode -f" "$(printf %016x $twitter)" encode -k twitter --time 1656432460105 \
	--field datacenter=0xb --field worker=26 -f hex
prints "encode the smallest ULID of a time" 01ARYZ6S410000000000000000 \
	encode -k ulid --time 1469918176385
prints "encode the smallest UUIDv7 of a time" 017f22e2-79b0-7000-8000-000000000000 \
	encode -k uuid7 --time 1645557742000
# RFC 9562, appendix A.2, A.4 and B.1: the bits that version and variant replace are 0 here.
prints "encode version 3" 5df41881-3aed-3515-88a7-2f4a814cf09e \
	encode -k uuid3 --namespace dns --name www.example.com
prints "encode version 5" 2ed6657d-e927-568b-95e1-2665a8aea6a2 \
	encode -k uuid5 --namespace 6ba7b810-9dad-11d1-80b4-00c04fd430c8 --name www.example.com
prints "encode version 8" 2489e9ad-2ee2-8e00-8ec9-32d5f69181c0 \
	encode -k uuid8 --data 2489E9AD2EE20E000EC932D5F69181C0
prints "encode Nil" 00000000-0000-0000-0000-000000000000 encode -k nil
prints "encode Max as ULID" 7ZZZZZZZZZZZZZZZZZZZZZZZZZ encode -k max -f ulid
prints "negative numbers are operands, of a signed column" "ffffffffffffffff
0000000000000005
8000000000000000
fffffffffffffffe" convert -1 5 -f hex -9223372036854775808 -- -2
refuses 1 "-0 must be written" convert -f hex -- -0
ids="0 1 $twitter 18446744073709551615"
for form in decimal padded hex base32 base36 base58 base62; do
	mapfile -t texts < <("$tool" convert -f $form $ids)
	mapfile -t back < <("$tool" convert -i $form -f decimal "${texts[@]}" 2>&1)
	i=0
	for id in $ids; do
		is "$id as $form is ${texts[i]-}" "${back[i]-}" $id
		((++i))
	done
done
prints "hex" "$(printf %016x $twitter)" convert -f hex $twitter
prints "padded" "$(printf %020d $twitter)" convert -f padded $twitter
prints "ids that fit the kind" 9007199254740991 convert -k js53 -f decimal 9007199254740991
refuses 1 "53 bits" convert -k js53 -f decimal 9007199254740992
refuses 1 "128" convert -f ulid 5
refuses 1 "128" convert -f hex 01ARYZ6S41TSV4RRFFQ69G5FAV
prints "-i ulid" 01563df3-6481-d676-4c61-efb99302bd5b \
	convert -i ulid -f uuid 01aryz6s41tsv4rrffq69g5fav

key=$work/key
(umask 077; echo 000102030405060708090a0b0c0d0e0f >"$key")
# Of tests/vectors/ff1.tsv.
prints "-f masked" "2c6E
4YeE
Dxa" convert -k time:10,sequence:10 -f masked --key-file "$key" 0 1 1048575
prints "-i masked" "0
1
1048575" convert -k time:10,sequence:10 -i masked -f decimal --key-file "$key" 2c6E 4YeE Dxa
prints "encode -f masked" 4YeE \
	encode -k time:10,sequence:10 -f masked --key-file "$key" --time @0 --field sequence=1
masked=$("$tool" convert -k twitter -f masked --key-file "$key" $twitter)
prints "decode of a masked ID" "$json" \
	decode -k twitter -i masked -f decimal --json --key-file "$key" "$masked"
run decode -k twitter -f masked --json --key-file "$key" $twitter
has "decode prints it masked" "$out" "\"id\":\"$masked\""
run explain -k twitter -i masked --json --key-file "$key" --store memory: "$masked"
has "explain takes a masked ID" "$out" "\"id\":\"$twitter\""
"$tool" -k js53 -n 100 -f masked --key-file "$key" >"$work/masked"
"$tool" convert -k js53 -i masked -f decimal --key-file "$key" <"$work/masked" >"$work/plain"
increasing "$work/plain"
report $? "generate -f masked"
is "whose IDs do not sort" "$(sort -c "$work/masked" 2>/dev/null; echo $?)" 1
refuses 1 "above the 20" convert -k time:10,sequence:10 -f masked --key-file "$key" 1048576
refuses 2 "at least 20" convert -k time:10 -f masked --key-file "$key" 1
refuses 2 "--kind KIND is missing" convert -f masked --key-file "$key" 1
refuses 2 "--kind KIND is missing" decode -i masked --key-file "$key" 1
refuses 2 "--key-file FILE is missing" -f masked
refuses 2 "only for --form masked" -f hex --key-file "$key"
refuses 2 "no form masked" -k ulid -f masked --key-file "$key"
refuses 1 "128-bit" convert -k twitter -f masked --key-file "$key" 01ARYZ6S41TSV4RRFFQ69G5FAV
refuses 2 "do not sort" range -f masked 2024-01
refuses 1 "No such file" -f masked --key-file "$work/none"
(umask 077; echo 0001 >"$work/short")
refuses 1 "32 hexadecimal digits" -f masked --key-file "$work/short"
lacks "a wrong key is not printed" "$err" 0001
for mode in 604 606 620 601; do
	chmod $mode "$key"
	refuses 1 "has mode 0$mode, so that others can" -f masked --key-file "$key"
done
is "the key from a pipe" "$("$tool" convert -k time:10,sequence:10 -f masked \
	--key-file <(cat "$key") 1)" 4YeE
chmod 640 "$key"
run -f masked --key-file "$key"
is "a group may read the key" "$status:$err" 0:

from=1704067200000 to=1706745599999
prints "range" "$(((from - 1420070400000) << 22))
$((((to - 1420070400000) << 22) + (1 << 22) - 1))" \
	range -k discord --from 2024-01-01 --to 2024-01-31T23:59:59.999Z
prints "range --json -f" \
	"$(printf '{"kind":"discord","first":"%016x","last":"%016x"}' \
		$(((from - 1420070400000) << 22)) \
		$((((to - 1420070400000) << 22) + (1 << 22) - 1)))" \
	range -k discord --from $from --to $to --json -f hex
january="$(((from - 1420070400000) << 22))
$((((to - 1420070400000) << 22) + (1 << 22) - 1))"
prints "range: a month" "$january" range -k discord 2024-01
prints "range: from the beginning, before the end" "$january" \
	range -k discord --from 2024-01-01 --before 2024-02-01
prints "range: all of the last day" "$january" range -k discord --from 2024-01 --to 2024-01-31
prints "range: ends are those of a tick" "$(((from - 1420070400000) << 22))
$((((from - 1420070400000) << 22) - 1))" \
	range -k discord --from 2024-01-01 --before 2024-01-01T00:00:00.000999Z
prints "range: to is the whole tick" "$(((from - 1420070400000) << 22))
$((((from - 1420070400000) << 22) + (1 << 22) - 1))" \
	range -k discord --from 2024-01-01 --to 2024-01-01T00:00:00.000000Z
prints "range: without an end" "$(((from - 1420070400000) << 22))
18446744073709551615" range -k discord --from 2024-01-01
prints "range: without a beginning" "0
$((((from - 1420070400000) << 22) - 1))" range -k discord --before 2024-01-01
prints "range: to, without a beginning" "0
$((((from - 1420070400000) << 22) + (1 << 22) - 1))" range -k discord --to $from
tick=$(((1704310200000 - 1409529600000) / 10))
prints "range of sonyflake: to is the whole tick of 10 ms" "$((tick << 24))
$((((tick + 1) << 24) - 1))" \
	range -k sonyflake --from @1704310200.004 --to @1704310200.005
prints "range of ULIDs" "01ARYZ6S410000000000000000
01ARYZ6S41ZZZZZZZZZZZZZZZZ" range -k ulid --from 1469918176385 --to 1469918176385
prints "range of UUIDv7" "017f22e2-79b0-7000-8000-000000000000
017f22e2-79b0-7fff-bfff-ffffffffffff" range -k uuid7 --from 1645557742000 --to 1645557742000
prints "range of UUIDv6" "1ec9414c-232a-6b00-8000-000000000000
1ec9414c-232a-6b00-bfff-ffffffffffff" \
	range -k uuid6 --from 2022-02-22T19:22:22Z --to 2022-02-22T19:22:22.0000000Z

# ---- layout, bench ---------------------------------------------------------------------------

run layout
kinds="snowflake twitter discord instagram sonyflake js53"
kinds+=" ulid uuid1 uuid3 uuid4 uuid5 uuid6 uuid7 uuid8"
for kind in $kinds; do
	has "layout lists $kind" $'\n'"$out" $'\n'"$kind "
	run layout $kind
	is "layout $kind succeeds" "$status:$err" "0:"
	has "layout $kind draws" "$out" "+------"
	is "layout $kind fits 80 columns" "$(grep '^[+|]' "$work/out" | awk 'length > 80')" ""
	has "layout $kind --json" "$("$tool" layout $kind --json)" "{\"kind\":\"$kind\","
	run layout
done
is "layout --json lists them" "$("$tool" layout --json | wc -l)" "$(wc -w <<<"$kinds")"
run layout twitter --json
for part in '"unit":"1ms"' '"bits":63' '"ids_per_tick":4096' '"ids_per_second":4096000' \
	'"nodes":1024' '"first":"2010-11-04T01:42:54.657Z"' '"last":"2080-07-10T17:30:30.208Z"' \
	'"signed_until":"2080-07-10T17:30:30.208Z"' '"javascript_safe":false' \
	'"spec":"time:41,datacenter:5,worker:5,sequence:12;epoch=2010-11-04T01:42:54.657Z;unit=1ms"'
do
	has "layout twitter: $part" "$out" "$part"
done
has "js53 is safe in JavaScript" "$("$tool" layout js53 --json)" '"javascript_safe":true'
has "time alone is safe up to 9999" "$("$tool" layout time:64 --json)" '"javascript_safe":true'
has "64 bits are signed until" "$("$tool" layout instagram --json)" '"signed_until":"2046-06-'
run layout 'time:41,worker:10,sequence:12;epoch=2024-01-01'
has "layout of a spec" "$out" "nodes            1024"
has "the name of a field" "$out" "|  worker  |"
has "never within 53 bits" "$("$tool" layout time:8,node:56 --json)" '"javascript_until":null'
bench_kinds='time:42,sequence:22 snowflake ulid uuid7 uuid6'
wait $bench_json
is "bench succeeds" "$?:$(<"$work/bench.err")" "0:"
out=$(<"$work/bench.json")
for kind in $bench_kinds; do
	for call in next batch; do
		has "bench of $kind" "$out" \
			"{\"kind\":\"$kind\",\"call\":\"$call\",\"ids_per_second\":"
	done
done
wait $bench_text
is "bench as text" "$?:$(wc -l <"$work/bench.out")" 0:13

# ---- usage -----------------------------------------------------------------------------------

refuses 2 'no command "frobnicate"' frobnicate
refuses 2 'no command "decod"; did you mean decode?' decod
has "the help of no command" "$err" "Try 'snowid --help'."
refuses 2 "'decode'" -k ulid decode
for command in $commands; do
	refuses 2 "Try 'snowid $command --help'." $command --frob
done
refuses 2 "Try 'snowid generate --help'." --frob
refuses 2 "Try 'snowid decode --help'." decode -k frob 1
refuses 2 'no kind "uuidv7"; did you mean uuid7?' -k uuidv7
refuses 2 'no kind "twiter"; did you mean twitter?' decode -k twiter 1
refuses 2 'no kind "uuid"; '"'snowid layout' lists" -k uuid
refuses 2 "; 'snowid layout' lists" -k snowflakesnowflakesnowflakesnowflakesnowflake
refuses 2 'no form "hexx"; did you mean hex?' -f hexx
refuses 2 'no form "uuuid"; did you mean uuid?' convert -f uuuid 1
once() # NUMBER ARGUMENTS...: the message has the number once
{
	local number=$1
	shift
	run "$@"
	is "$number is said once: $*" "$(grep -o "$number" "$work/err" | wc -l)" 1
}
once 99 --field worker=99
once 99 encode --time 2024-01-01 --field worker=99
once 16384 encode -k uuid6 --time 2024-01-01 --field clock_seq=16384
once 99 layout time:41,x:99
once 300 convert -k time:8 -f hex 300
once 18446744073709551616 decode 18446744073709551616
once frob --set frob=1
refuses 2 "frob" generate --frob
refuses 2 "time" decode --time 5 1
refuses 2 "requires an argument" -n
refuses 2 "count" --count
refuses 2 '--count: "0"' -n 0
refuses 2 '--count: "-1"' -n -1
refuses 2 '--count: "x"' --count=x
refuses 2 "9223372036854775807" -n 9223372036854775808
refuses 2 "frob" -k frob
refuses 2 "frob" decode -k frob 1
refuses 2 "frob" layout frob
refuses 2 "'twitter'" layout snowflake twitter
refuses 2 "--form: " -f frob
refuses 2 "--input: " convert -f hex -i frob 1
refuses 2 "no form ulid" -f ulid
refuses 2 "no form hex" -k ulid -f hex
refuses 2 "--input: " decode -k ulid -i hex 1
refuses 2 "--field: the field worker must be from 0 to 31" --field worker=99
refuses 2 "--field: the field worker must be from 0 to 31" \
	encode --time 2024-01-01 --field worker=99
refuses 2 "frob" --field frob=1
refuses 2 '--field: "worker" is not' --field worker
refuses 2 '--field: worker is "-1"' --field worker=-1
refuses 2 '--field: worker is "18446744073709551616"' --field worker=18446744073709551616
refuses 2 "--field: the kind ulid has no fields" encode -k ulid --time 2024-01-01 --field node=1
refuses 2 "16383" encode -k uuid6 --time 2024-01-01 --field clock_seq=16384
refuses 2 "281474976710655" encode -k uuid1 --time 2024-01-01 --field node=0x1000000000000
refuses 2 '--set: there is no setting "frob"' --set frob=1
refuses 2 '--set: "hold" is not' --set hold
refuses 2 '--set: hold is "5"' --set hold=5
refuses 2 "--store: " --store frob:
refuses 2 "worker" --store memory:
refuses 2 "worker" --field datacenter=1
refuses 2 "--time" encode
refuses 2 '--time: "x"' encode --time x
refuses 2 "--time: the instant 2020-01-01" encode --time 2020-01-01
refuses 2 "1970" encode -k ulid --time 1969-12-31
refuses 2 "5236" encode -k uuid6 --time 5300-01-01
refuses 2 "--form" convert 5
refuses 2 "the period is missing" range
refuses 2 "--to 2024-01-01" range --from 2024-01-02 --to 2024-01-01
refuses 2 "version 6" range -k uuid1 --from 2024-01-01 --to 2024-01-02
refuses 2 "contain no time" range -k uuid4 2024-01
refuses 2 "cannot be used together" range 2024-01 --from 2024-01-01
refuses 2 "cannot be used together" range --from 2024-01-01 --to 2024-02 --before 2024-02
refuses 2 '"1704310200" could be seconds (write @1704310200' range 1704310200
refuses 2 "before it begins" range --from 2024-01-02 --before 2024-01-01
refuses 2 "before the layout" range 2014-01
refuses 2 "snowid encode -k uuid5" -k uuid5
refuses 2 "snowid generate -k uuid4" encode -k uuid4
refuses 2 "not for uuid4" -k uuid4 --clock 2024-01-01
refuses 2 "not for uuid4" -k uuid4 --set hold=1s
refuses 2 "--namespace UUID is missing" encode -k uuid5 --name a
refuses 2 "--name TEXT is missing" encode -k uuid3 --namespace dns
refuses 2 'no namespace "uri"' encode -k uuid5 --namespace uri --name a
refuses 2 "--time: the kind uuid5" encode -k uuid5 --time 2024-01-01
refuses 2 "--data HEX is missing" encode -k uuid8
refuses 2 '"00" is not 32' encode -k uuid8 --data 00
refuses 2 "only for uuid3" encode --time 2024-01-01 --name a
refuses 2 "'5'" bench 5
refuses 2 "for one store at a time" store memory: memory: --adopt
refuses 2 "--floor INSTANT is missing" store memory: --reset
refuses 2 "--floor is only for --reset" store memory: --floor 2024-01-01
refuses 2 '--floor: "x"' store memory: --reset --floor x
refuses 2 "cannot be used together" store memory: --reset --adopt --floor 2024-01-01
refuses 2 "URL of the store is missing" store --adopt
refuses 2 "cannot be used together" store memory: --free --adopt
refuses 2 "for one store at a time" store --free memory: memory:
refuses 2 "must have ended, or be cut off. Use --yes if that is so" store --free \
	"etcd://localhost/ids?workers=1-1"
SNOWID_MODULES=$work refuses 1 "install the package libsnowid-etcd" store etcd://localhost/ids
refuses 1 "must not have a user or password" store etcd://me:secret@localhost/ids
refuses 2 "did you mean workers?" --store "etcd://localhost/ids?worker=1-2"
refuses 1 "frob:" store frob:

# ---- generate --------------------------------------------------------------------------------

run
is "without arguments: one ID" "$status:$err:$(grep -c '^[0-9]*$' "$work/out")" 0::1
run -n 5000
is "-n" "$status:$err:$(wc -l <"$work/out")" 0::5000
is "-n 9223372036854775807 ends with head, quietly" \
	"$("$tool" -k ulid -n 9223372036854775807 2>&1 | head -n 1 | wc -lc | tr -s ' ')" " 1 27"
"$tool" -n 9223372036854775807 2>"$work/err" | head -n 1 >/dev/null
is "by SIGPIPE" "${PIPESTATUS[0]}:$(<"$work/err")" 141:
before=$(date +%s%3N)
run -k js53 --store memory: --field worker=7 --json -n 2
after=$(date +%s%3N)
has "--field" "$out" '"worker":7'
has "--json" "$out" '"kind":"js53"'
ms=$(head -n 1 "$work/out" | sed 's/.*"unix_ms":\([0-9]*\).*/\1/')
is "made now" "$((ms >= before && ms <= after + 1))" 1
is "--json is as decode --json" "$("$tool" decode -k js53 --json \
	"$(sed -n '1s/.*"id":"\([0-9]*\)".*/\1/p' "$work/out")")" "$(head -n 1 "$work/out")"
for form in decimal:1,20 padded:20 hex:16 base32:13 base36:1,13 base58:1,11 base62:11; do
	run -f ${form%:*}
	is "-f $form" "$(grep -cE "^[0-9A-Za-z]{${form#*:}}$" "$work/out")" 1
done
run -k ulid
is "ulid" "$(grep -cE '^[0-7][0-9A-HJKMNP-TV-Z]{25}$' "$work/out")" 1
run -k ulid -f uuid
is "ulid as uuid" "$(grep -cE '^[0-9a-f]{8}(-[0-9a-f]{4}){3}-[0-9a-f]{12}$' "$work/out")" 1
run -k uuid7 -f ulid
is "uuid7 as ulid" "$(grep -cE '^[0-7][0-9A-HJKMNP-TV-Z]{25}$' "$work/out")" 1
for version in 1 4 6 7; do
	run -k uuid$version -n 3000
	is "uuid$version" "$(grep -cE "^[0-9a-f]{8}-[0-9a-f]{4}-${version}[0-9a-f]{3}-[89ab]" \
		"$work/out"):$(sort "$work/out" | uniq -d)" "3000:"
	[[ $version == [14] ]] || { sort -c -u "$work/out"; report $? "uuid$version increases"; }
done
run -k uuid6 --field clock_seq=5 --field node=0x010203040506 --json
has "--field of a UUID" "$out" '"clock_seq":5,"node":"01:02:03:04:05:06"}'
for setting in timeout=1s wait=1ms hold=2s borrow=1ms spread=true store=memory:; do
	run --store memory: --field worker=1 --set $setting -n 10
	is "--set $setting" "$status:$(wc -l <"$work/out")" 0:10
done
has "--set field.worker=3" "$("$tool" --store memory: --set field.worker=3 --json)" '"worker":3'
run --store memory: --set worker=3 --json
has "--set worker=3" "$out" '"worker":3'
refuses 1 "cannot create the state file $work/missing/state" --set worker=3 \
	--set "store=file:$work/missing/state"
refuses 2 "did you mean worker?" --set wroker=3
has "--set kind=ulid" "$("$tool" --json --set kind=ulid)" '"kind":"ulid"'
run --store memory: --field worker=1
is "--store" "$status:$err" 0:

# A state file is shared by copies that run at once and one after the other. In the build directory:
# on a real disk.
state=$PWD/tool-state.$$
for copy in 1 2 3 4 5 6 7 8; do
	"$tool" -n 5000 --field worker=1 --store "file:$state" --set reserve=50ms --set hold=16ms \
		>"$work/file.$copy" &
done
wait
is "8 copies on one state file make 40000 IDs" "$(cat "$work"/file.? | sort -u | wc -l)" 40000
last=$(sort -n "$work"/file.? | tail -n 1)
run -n 1 --field worker=1 --store "file:$state"
is "the next run goes on above them" "$status:$((out > last))" 0:1
refuses 1 "belongs to worker 1, not 2" --field worker=2 --store "file:$state"
refuses 1 "another kind" -k twitter --field worker=1 --store "file:$state"
refuses 2 "begin with /" --field worker=1 --store file:state
rm -f "$state"

for copy in 1 2 3; do
	"$tool" -n 5000 --store "slots:$state?workers=3-5" --set reserve=50ms --set hold=16ms \
		>"$work/slot.$copy" &
done
wait
is "3 copies on slots make 15000 IDs" "$(cat "$work"/slot.? | sort -u | wc -l)" 15000
run --store "slots:$state?workers=3-5" --json
has "a slot assigns the worker" "$out" '"worker":3,'
refuses 2 "workers=0-31" --store "slots:$state?workers=5-3"
has "SNOWID_STORE names the store" \
	"$(SNOWID_STORE="slots:$state?workers=4-5" "$tool" --json)" '"worker":4,'
export SNOWID_STORE=frob:
refuses 1 "frob:"
unset SNOWID_STORE
rm -rf "$state"

# A manual clock: the arithmetic is 1700000000001 ms after 1970, times 2^6, worker 3, and so on.
tiny=time:41,worker:5,sequence:1
prints "--clock" $'108800000000070\n108800000000071\n108800000000134' \
	-n 3 -k $tiny --field worker=3 --clock 1700000000000
run -n 1 -k $tiny --field worker=3 --clock 1700000000000 --clock 1699999990000 \
	--clock 2023-11-14T22:13:20.5Z
is "--clock back: one refused, the others made" "$status:$out" $'1:108800000000070\n108800000032006'
has "by how much is said" "$err" "went back by 10001.0000 ms"
is "nothing is remembered" \
	"$("$tool" -n 1 -k $tiny --field worker=3 --clock 1700000000000)" 108800000000070
refuses 2 "memory:" --clock 2024-01-01 --field worker=1 --store "file:$state"
refuses 2 "memory:" --clock 2024-01-01 --field worker=1 --set "store=file:$state"
is "SNOWID_STORE is not used" "$(
	SNOWID_STORE="file:$state" "$tool" --clock 2024-01-01 --field worker=1 |
	grep -c .):$(test -e "$state"; echo $?)" 1:1
refuses 2 "worker" --clock 2024-01-01
refuses 2 '--clock: "x"' --clock 2024-01-01 --clock x
run -k ulid --clock 9999-01-01 --clock 2800-01-01
is "a clock goes 292 years at most" "$status:$(wc -l <"$work/out")" 2:1
has "that is said" "$err" "--clock 2800-01-01"
# ---- what a store keeps ----------------------------------------------------------------------

prints "memory: keeps nothing" "memory: contains nothing" store memory:
mkdir "$work/"$'a\e[2Jb\xc2\x9b'
prints "a path cannot control a terminal" "slots:$work/a?[2Jb?? contains nothing" \
	store "slots:$work/"$'a\e[2Jb\xc2\x9b'
run store "file:$work/"$'a\e[2Jb\xc2\x9b'
has "nor in an error" "$err" "$work/a?[2Jb?? "
prints "and in JSON" "" store memory: --json
refuses 1 "No such file" store "file:$state"
"$tool" -n 5 --field worker=1 --store "file:$state" --set reserve=10ms --set hold=3ms >"$work/ids"
run store "file:$state"
is "store of a file" "$status:$err" 0:
for line in "store            file:$state" "use              free" "field.worker     1" \
	"issued           5" "this_boot        yes" "durable          yes" "mode             0600" \
	"holder_host      $(uname -n)" "last_id          $(tail -n 1 "$work/ids")"; do
	has "it has $line" "$out" "$line"
done
run store "file:$state" --json
has "store --json" "$out" "{\"store\":\"file:$state\",\"use\":\"free\",\"holder_pid\":"
has "its booleans" "$out" '"issued":5,"this_boot":true,"durable":true,"mode":"0600",'
has "the last ID is a string" "$out" "\"last_id\":\"$(tail -n 1 "$work/ids")\""
is "SNOWID_STORE names it" "$(SNOWID_STORE=file:$state "$tool" store --json)" "$out"
"$tool" -n 9223372036854775807 --field worker=1 --store "file:$state" >"$work/fifo" 2>/dev/null &
user=$!
while [ ! -s "$work/fifo" ] && kill -0 $user 2>/dev/null; do sleep 0.01; done
has "it is in use" "$("$tool" store "file:$state" --json)" '"use":"shared"'
refuses 1 "is in use" store "file:$state" --reset --floor 2024-01-01 --yes
kill $user
wait $user 2>/dev/null
odd=$PWD/$(printf 'tool-"\\\001\303\244\377.%s' $$)
cp "$state" "$odd"
run store "file:$odd" --json
is "a copy: exit 1" "$status" 1
has "a copy is said" "$err" "is a copy"
has "it is JSON whatever the name" "$out" \
	"tool-\\\"\\\\\\u0001$(printf '\303\244')\\ufffd.$$\",\"error\":\"the"
run store "file:$odd"
has "and a line of text" "$out" "tool-\"\\?$(printf '\303\244')?.$$"
refuses 2 "both make the same IDs" store "file:$odd" --adopt
run store "file:$odd" --adopt --yes
is "it is adopted" "$status:$err" 0:
run -n 1 --store "file:$odd" --field worker=1
is "and used" "$status:$((out > $(tail -n 1 "$work/ids")))" 0:1
refuses 2 "2033-05-18T03:33:20.000Z or later" store "file:$state" --reset --floor 2000000000000
reset="'$tool' store 'file:$state' --reset --floor 2000000000000"
has "a terminal is asked" "$(terminal "$reset")" "nothing was changed"
has "no is no" "$(echo no | TERM=xterm script -qec "$reset" /dev/null)" "nothing was changed"
has "yes is yes" "$(echo yes | TERM=xterm script -qec "$reset" /dev/null)" \
	"2033-05-18T03:33:20.000Z"
run store "file:$state" --json
has "it is reset" "$out" '"limit":"2033-05-18T03:33:20.000Z"'
refuses 1 "behind what the store has recorded" --field worker=1 --store "file:$state"
has "and what to do" "$err" "snowid store --reset"
truncate -s 100 "$state"
run store "file:$state"
is "a damaged file: exit 1" "$status" 1
has "what is wrong with it" "$err" "is truncated"
rm -f "$state" "$odd"

hosts=$work/hosts
mkdir "$hosts" "$hosts/one" "$hosts/other" "$hosts/wide"
for i in 1 2 3; do
	"$tool" -n 5 --field worker=1 --store "host:$hosts/one"
done >"$work/ids"
increasing "$work/ids"
report $? "programs share the store of the host"
file=host:$(echo "$hosts"/one/*)
run store "host:$hosts/one"
is "store of the host" "$status:$err" 0:
for line in "store            $file" "use              free" "field.worker     1" \
	"issued           15" "this_boot        yes" "last_id          $(tail -n 1 "$work/ids")"; do
	has "it has $line" "$out" "$line"
done
run store "host:$hosts/one" "$file" "host:$hosts/other" --json
is "stores one after the other" "$status:$err:$(grep -c "\"store\":\"$file\"" "$work/out")" 0::2
refuses 1 "remove a copy" store "$file" --adopt --yes
run store "host:$hosts/one" --reset --floor 2033-01-01 --yes
has "a host's store is reset" "$status:$err:$out" "0::store            $file"
has "to that instant" "$out" "floor            2033-01-01T00:00:00"
refuses 1 "snowid store --reset" --field worker=1 --store "host:$hosts/one"
"$tool" --field worker=2 --store "host:$hosts/one" >"$work/ids"
run store "host:$hosts/one"
is "it has a file for each worker" "$status:$(grep -c '^field.worker' "$work/out")" 0:2
"$tool" --field worker=2 --field datacenter=0 --store "host:$hosts/other" >"$work/ids"
"$tool" -k uuid7 --store "host:$hosts/one" >"$work/ids"
"$tool" -k uuid7 --store "host:$hosts/other" >"$work/ids"
run store "host:$hosts/one" "host:$hosts/other"
is "two stores can make the same IDs: exit 1" "$status:$(wc -l <"$work/err")" 1:1
has "it says which" "$err" "host:$hosts/one/"
has "and with what" "$err" "of the same kind with the same fields (datacenter 0, worker 2)"
wide="time:10,node:54;unit=100ms;epoch=$(date -d '-50 sec' +%FT%TZ)"
"$tool" -k "$wide" --field node=5 --store "host:$hosts/wide" >/dev/null
has "a field above 53 bits is a string" "$("$tool" store --json "host:$hosts/wide")" \
	'"field.node":"5",'
for order in little big; do
	is "version 1, $order-endian, is as it is described" \
		"$(perl "$vectors/state-v1.pl" $order | cmp - "$vectors/state-v1.$order" 2>&1)" ""
done

run -k time:41,sequence:1 --set timeout=1ns -n 1000
is "a timeout is a failure" "$status" 1
has "a timeout is said" "$err" "snowid: "

# ---- an ID that is there twice ---------------------------------------------------------------

mkdir "$work/explain"
one=$work/explain/one other=$work/explain/other
for store in "$one" "$other"; do
	"$tool" -n 5 --field worker=1 --store "file:$store" --set reserve=10ms --set hold=3ms
done >"$work/ids"
mapfile -t ids <"$work/ids"
layout_spec='time:41,datacenter:5,worker:5,sequence:12;epoch=2021-01-01T00:00:00.000Z;unit=1ms'

run explain "${ids[4]}" --store "file:$one"
is "explain" "$status:$err" 0:
for line in "id               ${ids[4]}" "host             $(uname -n)" "clock            20" \
	"kind             snowflake" "worker           1" "store            file:$one" \
	"possible         yes" "why              this is its last ID" "use              free" \
	"holder_host      $(uname -n)" "last_id          ${ids[4]}" "this_boot        yes" \
	"another program has datacenter 0, worker 1 as well" "DUPLICATES in snowid(1)"; do
	has "it has $line" "$(tr -s '\n' ' ' <"$work/out" | sed 's/  */ /g')" "$(echo $line)"
done
is "it fits 80 columns" "$(sed -n '/^What/,$p' "$work/out" | awk 'length > 80')" ""
is "it says which processes have the store open" "$(grep -c '^holder_pid  *[1-9]' "$work/out")" 1

run explain --json "${ids[0]}" --store "file:$one"
has "an earlier ID" "$out" '"possible":true,"why":"its last ID, of 20'
has "JSON: the ID is decoded" "$out" '"kind":"snowflake","unix_ms":'
has "JSON: a list of stores" "$out" "\"stores\":[{\"store\":\"file:$one\",\"possible\":true,"
has "JSON: a list of advice" "$out" '"advice":["A store makes each ID once.'
run explain --json $((ids[4] + (3600000 << 22))) --store "file:$one"
has "an ID that has not been made yet" "$out" \
	"$(printf '"possible":false,"why":"its last ID, of ')"
has "an hour from now" "$out" 'is of the future by the clock of this host (in '
run explain --json $((ids[0] - (3600000 << 22))) --store "file:$one"
has "an ID from before there was the store" "$out" \
	'"possible":false,"why":"the file was created later, at 20'
has "what that means" "$out" 'The ID was not made with what these stores contain now.'
run explain --json $((ids[0] + (1 << 12))) --store "file:$one"
has "no store of another worker is shown" "$out" '"stores":[],"advice":["No store here '
run explain --json -k "$layout_spec" $((ids[0] + (1 << 12))) --store "file:$one"
has "nor with a kind" "$out" '"stores":[],"advice":["No store here has datacenter 0, worker 2.'
run explain --json -k twitter "${ids[4]}" --store "file:$one"
has "nor a store of another kind" "$out" '"kind":"twitter"'
has "which is said" "$out" '"stores":[],'
run explain --json "${ids[4]}" --store "file:$one" --store "file:$other"
has "a store that has gone further" "$out" "\"store\":\"file:$other\",\"possible\":false"
run explain --json $((ids[4] + 1)) --store "file:$one" --store "file:$other"
# The second file is younger than the IDs of the first.
is "each store says why not" "$(grep -o '"possible":[a-z]*' "$work/out" | paste -sd' ')" \
	'"possible":false "possible":false'
"$tool" -n 1 --field worker=1 --store "file:$one" >/dev/null
run explain --json "${ids[9]}" --store "file:$one" --store "file:$other"
is "two stores can have made it" "$(grep -o '"possible":[a-z]*' "$work/out" | paste -sd' ')" \
	'"possible":true "possible":true'
has "which is the problem" "$out" "2 stores here can make the same IDs."
run explain --json "${ids[9]}" --store "file:$one" --store "file:$work/explain/none"
is "a store that cannot be read: exit 1" "$status" 1
has "it is named" "$err" "none"
has "the rest is there" "$out" '"possible":true'
is "SNOWID_STORE names the store" "$(SNOWID_STORE=file:$one "$tool" explain "${ids[9]}" |
	grep -c "^store .* file:$one$")" 1
has "field 0 is what snowid uses" "$("$tool" explain -k discord 5 --store memory:)" \
	"0 in every field is what 'snowid' uses"

# A file from before the host was booted, made in 2024, that has recorded a time of 2040.
for order in little big; do
	perl "$vectors/state-v1.pl" $order >"$work/explain/v1"
	chmod 600 "$work/explain/v1"
	"$tool" store "file:$work/explain/v1" 2>/dev/null | grep -q fingerprint && break
done
fields='--field datacenter=3 --field worker=7'
run explain --json "$("$tool" encode --time 2025-01-01 $fields)" --store "file:$work/explain/v1"
has "a store from before the host was booted" "$out" \
	'"possible":true,"why":"before the host was booted"'
has "its problem" "$out" '"error":"the state file '
run explain --json -k snowflake "$("$tool" encode --time 2041-01-01 $fields)" \
	--store "file:$work/explain/v1"
has "an ID above its limit" "$out" \
	'"possible":false,"why":"its limit, 2040-01-03T20:00:00.000Z, is before this ID"'
run explain --json "$("$tool" encode --time 2041-01-01 $fields)" --store "file:$work/explain/v1"
has "a time of the future is not believed without a kind" "$out" '"stores":[]'

run explain --json $twitter --store memory:
has "an ID of no store: what it can be" "$out" '"candidates":[{"kind":"twitter",'
has "what to do then" "$out" "If you know its kind, name it (--kind KIND)."
run explain --json 01ARYZ6S41TSV4RRFFQ69G5FAV 017F22E2-79B0-7CC3-98C4-DC0C0C07398F --store memory:
is "random bits" "$(grep -c '"advice":\["IDs of this kind name no worker' "$work/out")" 2
has "of a UUID of version 6" "$("$tool" explain 1EC9414C-232A-6B00-B3C8-9F6BDECED846)" \
	"has its clock_seq and node"
printf 'x\n5\n' | "$tool" explain --json --store memory: >"$work/out" 2>"$work/err"
is "standard input" "$?:$(wc -l <"$work/out"):$(grep -c "line 1: 'x'" "$work/err")" 1:1:1
refuses 1 "63 bits" explain -k snowflake 18446744073709551615 --store memory:
refuses 1 "128" explain -f ulid 5 --store memory:

# ---- output ----------------------------------------------------------------------------------

for arguments in "generate" "generate -n 100000" "decode 1" "convert -f hex 1" "layout" "--help" \
	"decode --help" "--version"; do
	"$tool" $arguments >/dev/full 2>"$work/err"
	is "/dev/full: exit 1: $arguments" "$?" 1
	has "/dev/full is said: $arguments" "$(<"$work/err")" "standard output"
	"$tool" $arguments >&- 2>"$work/err"
	is "closed standard output: exit 1: $arguments" "$?" 1
	has "that is said: $arguments" "$(<"$work/err")" "standard output"
done
"$tool" <&- >&- 2>"$work/err"
is "closed standard input and output: exit 1" "$?" 1
is "the state did not become standard output" "$(find "$HOME" -name '*.state' ! -size 16k)" ""

decode="'$tool' decode -k twitter $twitter"
has "colour in a terminal" "$(terminal "$decode")" $'\e['
has "bits in a terminal" "$(terminal "NO_COLOR=1 $decode")" "01011 11010 000000000000"
lacks "NO_COLOR" "$(terminal "NO_COLOR=1 $decode")" $'\e'
has "NO_COLOR must not be empty" "$(terminal "NO_COLOR= $decode")" $'\e['
lacks "TERM=dumb" "$(terminal "TERM=dumb $decode")" $'\e'
has "layout in colour" "$(terminal "'$tool' layout twitter")" $'\e['
has "128 bits in a terminal" \
	"$(terminal "NO_COLOR=1 '$tool' decode 01ARYZ6S41TSV4RRFFQ69G5FAV")" "time:48 random:80"
lacks "no picture in JSON" "$(terminal "$decode --json")" $'\e'
# No machine makes these in less than 0.7 s: 4096 a millisecond.
has "a progress bar" "$(terminal "'$tool' -n 3000000 >/dev/null")" "[###"
lacks "no bar in the way of the output" "$(terminal "'$tool' -k js53 -n 48000" | tail -n 99)" "%"
run -n 3000000
is "no bar in a pipe" "$status:$err" 0:

# ---- state -----------------------------------------------------------------------------------

states=$HOME/.local/state/snowid
is "the directories are the user's" \
	"$(stat -c %a "$HOME/.local" "$HOME/.local/state" "$states" | sort -u)" 700
is "the files are the user's" "$(stat -c %a "$states"/* | sort -u)" 600

copies() # KIND COUNT
{
	local i pids=() bad=0
	for i in 1 2 3 4 5 6 7 8; do
		"$tool" -k "$1" -n "$2" >"$work/copy$i" &
		pids+=($!)
	done
	for i in "${pids[@]}"; do
		wait "$i" || bad=1
	done
	report $bad "8 copies of $1 at once succeed"
	is "8 copies of $1: all there" "$(cat "$work"/copy? | wc -l)" $((8 * $2))
	is "8 copies of $1: no ID twice" "$(sort "$work"/copy? | uniq -d | head -n 1)" ""
	case $1 in
	u*) ;;
	*)
		for i in 1 2 3 4 5 6 7 8; do
			increasing "$work/copy$i"
			report $? "copy $i of $1 increases"
		done
		;;
	esac
}
copies snowflake 20000
copies discord 20000
copies sonyflake 2000
for kind in ulid uuid1 uuid6 uuid7; do
	copies $kind 20000
done

for kind in snowflake js53 time:42,sequence:22; do
	for ((i = 0; i < 10; i++)); do
		"$tool" -k $kind -n 500
	done >"$work/out"
	increasing "$work/out"
	report $? "10 runs of $kind in a row increase" "$(wc -l <"$work/out")"
done
for ((i = 0; i < 10; i++)); do
	"$tool" -n 9223372036854775807 | head -n 5000
done >"$work/out"
increasing "$work/out"
report $? "10 runs that were killed increase"

run store --json
is "store shows the user's files" "$(grep -c '"store":"file:' "$work/out")" \
	"$(ls "$states"/*.state | wc -l)"
private() # COMMAND, with a /dev/shm of its own
{
	unshare -rm sh -c 'mount -t tmpfs shm /dev/shm && eval "$0"' "$1" >"$work/out" 2>"$work/err"
}
# qemu-user takes /dev/shm for that of its machine.
if [ -z "${WITHOUT_PTRACE-}" ] && private true; then
	private "'$tool' store"
	is "store without files of the host" "$?:$(grep host: "$work/out")" \
		"0:host: contains nothing"
	private "'$tool' --store host: --field worker=7 && '$tool' store"
	is "store shows the files of the host" \
		"$?:$(grep -c '^store  *host:/dev/shm/snowid-' "$work/out")" 0:1
	private "'$tool' --store host: --field worker=0 && '$tool' store"
	is "a program is worker 0, as the tool: exit 1" "$?" 1
	has "it says what to do" "$(<"$work/err")" \
		"(datacenter 0, worker 0), and can make the same IDs: use one store for both"
	private "HOME= XDG_STATE_HOME='$work/missing/file' '$tool' --field worker=1"
	is "no directory needed: a worker" "$?:$(<"$work/err")" 0:
	private "HOME= XDG_STATE_HOME='$work/missing/file' '$tool' --set worker=3 --json"
	has "no directory needed: --set worker=3" "$(cat "$work/err" "$work/out")" '{"id":'
fi
has "the default node is 0" "$("$tool" -k discord --json)" '"worker":0,"process":0,'

touch "$work/file"
export XDG_STATE_HOME
for XDG_STATE_HOME in "$work/file" "$work/file/below"; do
	refuses 1 "XDG_STATE_HOME"
	has "the other way out is named" "$err" "--field worker=N"
	for arguments in "-k ulid" "-k uuid7" "--field worker=1 --store memory:"; do
		run $arguments
		is "no directory needed: $arguments" "$status:$err" 0:
	done
done
XDG_STATE_HOME=$work/state
run
is "XDG_STATE_HOME is used" "$status:$(find "$work/state/snowid" -name '*.state' | wc -l)" 0:1
state=$(echo "$work/state/snowid"/*.state)
mv "$state" "$work/elsewhere"
ln -s "$work/elsewhere" "$state"
refuses 1 "symbolic link"
has "a bad state names the other ways out" "$err" "--field worker=N"
rm "$state"
chmod 777 "$work/state/snowid"
refuses 1 "others can write"
XDG_STATE_HOME=relative
(cd "$work" && "$tool" >/dev/null)
is "a relative XDG_STATE_HOME does not count" "$(ls "$work/relative" 2>&1 | wc -l)" 1
unset XDG_STATE_HOME
is "no HOME" "$(unset HOME; "$tool" 2>&1 | grep -c HOME)" 1

# ---- completion ------------------------------------------------------------------------------

PATH=$(cd "$(dirname "$tool")" && pwd):$PATH
. "$source_dir/tools/completion/snowid"
completes() # WANTED WORDS...
{
	local wanted=$1
	shift
	COMP_WORDS=("$@") COMP_CWORD=$(($# - 1)) COMPREPLY=()
	_snowid "$1" "${*: -1}" "${COMP_WORDS[COMP_CWORD - 1]}"
	is "completion of $*" "${COMPREPLY[*]}" "$wanted"
}
completes "$commands" snowid ''
completes "decode" snowid de
completes "$kinds" snowid -k ''
completes "$kinds" snowid layout ''
completes "twitter" snowid decode --kind = tw
completes "$kinds" snowid decode --kind =
completes "decimal padded hex base32 base36 base58 base62 masked ulid uuid" snowid convert -f ''
completes "base32 base36" snowid convert -i base3
completes "--kind --form --input --key-file --json --help --version" snowid decode --
completes "hold=" snowid --set ho
completes "kind=" snowid --set k
completes "twitter" snowid --set kind = tw
completes "0600 0640 0660" snowid --set mode =
completes "datacenter= worker=" snowid --field ''
completes "shard=" snowid -k instagram --field ''
completes "machine=" snowid --kind = sonyflake --field mach
completes "memory: host: file:/ slots:/ zookeeper:// etcd:// consul://" snowid store ''
mkdir "$work/complete"
: >"$work/complete/state"
completes "$work/complete/state" snowid --store file : "$work/complete/st"
completes "$work/complete/state" snowid store file : "$work/complete/"
completes "" snowid decode --from 2024-01-01T00 : 0

# ---- the manual ------------------------------------------------------------------------------

page=$work/snowid.1
sed 's/\\-/-/g' "$source_dir/man/snowid.1" >"$page"
for command in $commands; do
	is "the manual has $command" "$(grep -x "\.It Cm $command" "$page" | sort -u)" \
		".It Cm $command"
done
for option in $(for command in $commands; do "$tool" $command --help; done |
	grep -oE '^ +(-., )?--[a-z-]+' | sed 's/^ *//; s/, /,/' | sort -u); do
	long=${option##*--} short=
	case $option in
	-?,*) short="Fl ${option:1:1}\( Ar [a-z]*\)\? , " ;;
	esac
	is "the manual has $option" "$(grep -c "^\.It ${short}Fl Fl $long\b" "$page")" 1
done
is "the manual has no other option" "$(grep -oE 'Fl Fl [a-z-]+' "$page" | sort -u | wc -l)" 24
for word in $kinds decimal padded hex base32 base36 base58 base62; do
	is "the manuals have $word" \
		"$(cat "$page" "$source_dir/man/snowid-layouts.7" | grep -c "\bCm $word\b" |
			sed 's/^[1-9].*/some/')" some
done
for variable in NO_COLOR TERM SNOWID_STORE XDG_STATE_HOME HOME; do
	is "the manual has $variable" "$(grep -c "^\.It Ev $variable$" "$page")" 1
done

echo "$passed passed, $failed failed"
[ "$failed" = 0 ]
