#!/bin/sh
# Runs the example config.ru in Puma, whose two workers share a generator made before the fork.
# Usage: puma.sh COMMAND..., where COMMAND runs Ruby.
# SPDX-License-Identifier: MIT
set -eu
tmp=$(mktemp -d)
master=
stop() {
	[ -z "$master" ] || { kill "$master" && wait "$master" || true; } 2>/dev/null
	rm -rf "$tmp"
}
trap stop EXIT
here=$(cd "$(dirname "$0")" && pwd)
WORKER=1 SNOWID_KIND="time:41,worker:5,sequence:4" "$@" -S puma --no-config --environment none \
	--workers 2 --preload --threads 2:2 --bind "unix://$tmp/socket" \
	"$here/../examples/config.ru" >"$tmp/log" 2>&1 &
master=$!
until [ -e "$tmp/socket" ] && [ "$(pgrep -c -P "$master")" -eq 2 ]; do
	kill -0 "$master" || { cat "$tmp/log"; exit 1; }
	sleep 0.05
done
workers=$(pgrep -P "$master" | tr '\n' ' ')
first=${workers%% *}
second=$(echo "${workers#* }" | tr -d ' ')

# Ask each worker in turn, while the other one is stopped.
for pair in "$first $second" "$second $first" "$first $second" "$second $first"; do
	kill -STOP "${pair#* }"
	until grep -q '^State:.T' "/proc/${pair#* }/status"; do :; done
	curl -sS --fail --unix-socket "$tmp/socket" "http://localhost/?[1-100]" |
		grep ":${pair% *}}$" || true
	kill -CONT "${pair#* }"
done >"$tmp/ids"
made=$(sed -n 's/^{"id":"\([0-9]*\)".*/\1/p' "$tmp/ids" | sort -u | wc -l)
if [ "$made" -eq 400 ]; then
	echo "ok - the example config.ru in Puma"
else
	cat "$tmp/log"
	echo "not ok - the example config.ru in Puma: $made of 400 IDs"
	exit 1
fi
