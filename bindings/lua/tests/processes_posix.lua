-- SPDX-License-Identifier: MIT
--
-- The functions of processes.c for Lua 5.3 and LuaJIT, based on luaposix.

local unistd = require "posix.unistd"
local processes = {
	fork = unistd.fork,
	exit = unistd._exit,
	close = unistd.close,
	pipe = unistd.pipe,
}

function processes.read(file)
	local parts = {}
	repeat
		parts[#parts + 1] = assert(unistd.read(file, 4096))
	until parts[#parts] == ""
	unistd.close(file)
	return table.concat(parts)
end

function processes.write(file, text)
	while #text > 0 do
		text = text:sub(assert(unistd.write(file, text)) + 1)
	end
end

function processes.wait()
	local _, how, status = require("posix.sys.wait").wait()
	return how == "exited" and status or how
end

return processes
