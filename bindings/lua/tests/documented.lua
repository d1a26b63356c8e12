-- SPDX-License-Identifier: MIT
--
-- Every function and method of the library has a place in the page that LDoc made. documented.lua PAGE

local snowid = require "snowid"
local page = assert(io.open(arg[1])):read "*a"
local missing = {}

local function look_for(prefix, members)
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

look_for("", snowid)
look_for("Layout:", methods(snowid.layout "twitter"))
look_for("Generator:", methods(snowid.generator "ulid"))
look_for("Clock:", methods(snowid.manual_clock(0)))
for name, class in pairs { ULID = snowid.ULID, UUID = snowid.UUID } do
	for member in pairs(class) do
		local anchor = '<a name = "' .. name .. "%s" .. member .. '">'
		if not page:find(anchor:format ":", 1, true) and not page:find(anchor:format ".", 1, true) then
			missing[#missing + 1] = name .. "." .. member
		end
	end
end
if #missing > 0 then
	print("not documented: " .. table.concat(missing, ", "))
	os.exit(1)
end
