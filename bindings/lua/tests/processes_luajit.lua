-- SPDX-License-Identifier: MIT
--
-- What processes.c is, for LuaJIT.

local ffi = require "ffi"
ffi.cdef [[
	int fork(void); int pipe(int files[2]); long read(int file, void *to, size_t size);
	long write(int file, const void *from, size_t size); int close(int file); int wait(int *status); void _exit(int status);
]]
local C, processes = ffi.C, {}

processes.fork, processes.exit, processes.close = C.fork, C._exit, C.close

function processes.pipe()
	local files = ffi.new "int[2]"
	assert(C.pipe(files) == 0)
	return files[0], files[1]
end

function processes.read(file)
	local block, parts = ffi.new "char[4096]", {}
	while true do
		local got = tonumber(C.read(file, block, 4096))
		if got <= 0 then
			C.close(file)
			return table.concat(parts)
		end
		parts[#parts + 1] = ffi.string(block, got)
	end
end

function processes.write(file, text)
	while #text > 0 do
		text = text:sub(tonumber(C.write(file, text, #text)) + 1)
	end
end

function processes.wait()
	local status = ffi.new "int[1]"
	C.wait(status)
	return status[0]
end

return processes
