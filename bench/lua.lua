-- SPDX-License-Identifier: MIT
--
-- Measures what the Lua library costs, in ns and as ratios to a UUID made in plain Lua and to the
-- same call in C. Usage: lua.lua NEXT, where NEXT is the program of bench/next.c.
--
-- Every figure is the median over rounds, each of which runs all measures in turn. The IDs are
-- checked outside of the measured time.

local snowid = require "snowid"

local ROUNDS, COUNT = 31, 10000
local LAYOUT = "time:41,sequence:22;epoch=2024-01-01" -- has more IDs per tick than a loop can make

local ids, ulids = snowid.generator(LAYOUT), snowid.generator "ulid"

-- A random UUID as most Lua programs make it, from random numbers that are not even secure.
local function uuid()
	return (("xxxxxxxx-xxxx-4xxx-yxxx-xxxxxxxxxxxx"):gsub("[xy]", function(c)
		return ("%x"):format(c == "x" and math.random(0, 15) or math.random(8, 11))
	end))
end

-- Measures CPU time, since nothing here waits.
local function nanoseconds(call)
	local start = os.clock()
	call()
	return (os.clock() - start) * 1e9 / COUNT
end

local function loop_of(call, state)
	return function()
		return nanoseconds(function()
			for _ = 1, COUNT do
				call(state)
			end
		end)
	end
end

local measures = {
	{ "next in C", function()
		local pipe = assert(io.popen(arg[1]))
		local ns = assert(tonumber(pipe:read "*l"))
		pipe:close()
		return ns
	end },
	{ "a UUID in Lua", loop_of(uuid) },
	{ "next", function()
		return nanoseconds(function()
			for _ = 1, COUNT do
				ids:next()
			end
		end)
	end },
	{ "ids(), an ID", function()
		return nanoseconds(function()
			local count = 0
			for _ in ids:ids() do
				count = count + 1
				if count == COUNT then
					break
				end
			end
		end)
	end },
	{ "batch(10000), an ID", function()
		return nanoseconds(function()
			ids:batch(COUNT)
		end)
	end },
	{ "ULID, next", loop_of(ulids.next, ulids) },
	{ "ULID, tostring(next)", loop_of(function()
		return tostring(ulids:next())
	end) },
}

local last = ids:next()
for _, id in ipairs(ids:batch(COUNT)) do
	assert(last < id, "the IDs do not increase")
	last = id
end
local age = os.time() - ids:layout():time(last)
assert(math.abs(age) <= 1, "the time of the IDs is not the current time")

local figures = {}
for _ = 1, ROUNDS do
	for index, measure in ipairs(measures) do
		figures[index] = figures[index] or {}
		table.insert(figures[index], measure[2]())
	end
end
local function median(list)
	table.sort(list)
	return list[math.floor(#list / 2) + 1]
end
local in_c, reference = median(figures[1]), median(figures[2])
local interpreter = rawget(_G, "jit") and "LUAJIT" or _VERSION:upper()
print(("%-24s %10s %22s %14s"):format(interpreter, "NS", "A UUID IN LUA / IT", "IT / next IN C"))
for index, measure in ipairs(measures) do
	local ns = median(figures[index])
	print(("%-24s %10.1f %22.1f %14.2f"):format(measure[1], ns, reference / ns, ns / in_c))
end
