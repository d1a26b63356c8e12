-- SPDX-License-Identifier: MIT
--
-- The example openresty.lua, with what it uses of OpenResty in its place.

local said, slept = {}, 0
_G.ngx = {
	header = {},
	ERR = 4,
	say = function(text)
		said[#said + 1] = text
	end,
	sleep = function(seconds)
		assert(seconds > 0 and seconds < 1)
		slept = slept + 1
	end,
	log = print,
}

local handler = require "openresty"
for _ = 1, 10000 do
	handler.handle()
end
local seen = {}
for _, text in ipairs(said) do
	local id = text:match '^{"id":"(%d+)"}$'
	assert(id and not seen[id], text)
	seen[id] = true
end
assert(#said == 10000 and ngx.status == nil)
print("ok - the example openresty")
