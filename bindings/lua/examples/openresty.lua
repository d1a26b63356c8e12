-- SPDX-License-Identifier: MIT
--
-- A handler for OpenResty that gives each request an ID.
--
--     env WORKER; env SNOWID_STORE;
--     http {
--         init_by_lua_block { ids = require "openresty" }   # in the master, before it drops root
--         server {
--             location = /id { content_by_lua_block { ids.handle() } }
--
-- WORKER must be different on each host, so there is no default. The library reads SNOWID_STORE.
--
-- A worker of nginx serves many requests at once, so none of them may block it: try_next says how
-- long to wait, and ngx.sleep lets the other requests run.

local snowid = require "snowid"
local worker = assert(os.getenv "WORKER", "WORKER is not set")
local ids = snowid.generator {
	kind = os.getenv "SNOWID_KIND" or "snowflake",
	worker = tonumber(worker),
}
local handler = { generator = ids }

--- Makes an ID as text, because JSON cannot represent all 64-bit integers exactly.
function handler.next()
	while true do
		local id, seconds = ids:try_next()
		if id then
			return snowid.format_id(id)
		end
		ngx.sleep(seconds)
	end
end

function handler.handle()
	ngx.header["Content-Type"] = "application/json"
	local ok, result = pcall(handler.next)
	if not ok then
		ngx.status = 503
		ngx.log(ngx.ERR, tostring(result))
		result = ""
	end
	ngx.say(('{"id":"%s"}'):format(result))
end

return handler
