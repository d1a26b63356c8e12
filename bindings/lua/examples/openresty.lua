-- SPDX-License-Identifier: MIT
--
-- A handler of OpenResty that gives each request an ID of its own.
--
--     env WORKER; env SNOWID_STORE;
--     http {
--         init_by_lua_block { ids = require "openresty" }        # in the master: all workers share it
--         server {
--             location = /id { content_by_lua_block { ids.handle() } }
--
-- A worker serves many requests at once, and must not sleep in any of them: try_next says how long to
-- wait, and ngx.sleep lets the others run meanwhile.

local snowid = require "snowid"
local ids = snowid.generator {
	kind = os.getenv "SNOWID_KIND" or "snowflake",
	worker = tonumber(os.getenv "WORKER" or 1),
	store = os.getenv "SNOWID_STORE" or "memory:",
}
local handler = { generator = ids }

--- The next ID as text: JSON has no integers of 64 bits.
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
