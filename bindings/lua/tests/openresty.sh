#!/bin/sh
# Runs the example openresty.lua in nginx with its Lua module. Two workers share a generator made
# before the fork. LUA_PATH must contain the library and the example. Usage: openresty.sh
# [COMMAND...], where COMMAND runs nginx.
# SPDX-License-Identifier: MIT
set -eu
tmp=$(mktemp -d)
trap 'stop; rm -rf "$tmp"' EXIT
nginx=$(PATH=$PATH:/usr/sbin command -v nginx)
user=
if [ "$(id -u)" -eq 0 ]; then user="user root root;"; fi
stop() {
	[ ! -e "$tmp/pid" ] || { pid=$(cat "$tmp/pid") && kill "$pid"; }
	while [ -e "$tmp/pid" ]; do sleep 0.05; done
}
cat >"$tmp/nginx.conf" <<NGINX
$user
load_module /usr/lib/nginx/modules/ndk_http_module.so;
load_module /usr/lib/nginx/modules/ngx_http_lua_module.so;
env WORKER=1;
env SNOWID_KIND=time:41,worker:5,sequence:2;
worker_processes 2;
pid $tmp/pid;
events { }
http {
	access_log off;
	client_body_temp_path $tmp/body;
	proxy_temp_path $tmp/proxy;
	fastcgi_temp_path $tmp/fastcgi;
	uwsgi_temp_path $tmp/uwsgi;
	scgi_temp_path $tmp/scgi;
	lua_package_path "$LUA_PATH;;";
	init_by_lua_block { ids = require "openresty" }
	server {
		listen unix:$tmp/socket;
		location = /id { content_by_lua_block { ids.handle() } }
		location = /pid { return 200 \$pid; }
		location = /waits {
			content_by_lua_block { ngx.print(ids.generator:stats().waits) }
		}
	}
}
NGINX
"$@" "$nginx" -p "$tmp" -e "$tmp/errors" -c "$tmp/nginx.conf"

get() {
	curl -sS --fail --unix-socket "$tmp/socket" "http://localhost/$1"
}
# Ask each worker in turn, while the other one is stopped.
first=$(get pid)
second=$(pgrep -P "$(cat "$tmp/pid")" | grep -vx "$first")
waits=$(get waits)
for _ in 1 2 3; do
	for pair in "$first $second" "$second $first"; do
		kill -STOP "${pair#* }"
		until grep -q '^State:.T' "/proc/${pair#* }/status"; do :; done
		if [ "$(get pid)" = "${pair% *}" ]; then get "id?[1-200]"; fi
		kill -CONT "${pair#* }"
	done
done >"$tmp/ids"
# With four IDs per millisecond most requests have to wait, but the worker itself must never sleep.
made=$(sed -n 's/^{"id":"\([0-9]*\)"}$/\1/p' "$tmp/ids" | sort -u | wc -l)
if [ "$made" -eq 1200 ] && [ "$(get waits)" -eq "$waits" ]; then
	echo "ok - the example openresty in nginx"
else
	cat "$tmp/errors"
	echo "not ok - the example openresty in nginx: $made of 1200 IDs"
	exit 1
fi
