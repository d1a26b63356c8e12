-- SPDX-License-Identifier: MIT
--
-- Checks that LDoc's page documents every function and method. Usage: documented.lua PAGE

local snowid = require "snowid"
local page = assert(io.open(arg[1])):read "*a"
local missing = {}

local function check_documented(prefix, members)
	for name in pairs(members) do
		local anchor = ('<a name = "%s%s">'):format(prefix, name)
		if type(members[name]) == "function" and not page:find(anchor, 1, true) then
			missing[#missing + 1] = prefix .. name
		end
	end
end

local function methods(object)
	return getmetatable(object).__index
end

check_documented("", snowid)
check_documented("Layout:", methods(snowid.layout "twitter"))
check_documented("Generator:", methods(snowid.generator "ulid"))
check_documented("Mask:", methods(snowid.mask(("k"):rep(16))))
check_documented("Clock:", methods(snowid.manual_clock(0)))
for name, class in pairs { ULID = snowid.ULID, UUID = snowid.UUID } do
	for member in pairs(class) do
		local method = ('<a name = "%s:%s">'):format(name, member)
		local call = ('<a name = "%s.%s">'):format(name, member)
		local documented = page:find(method, 1, true) or page:find(call, 1, true)
		if type(class[member]) == "function" and not documented then
			missing[#missing + 1] = name .. "." .. member
		end
	end
end
if #missing > 0 then
	print("not documented: " .. table.concat(missing, ", "))
	os.exit(1)
end
