-- SPDX-License-Identifier: MIT
--
-- What the Lua library costs, in ns and as ratios to a UUID in Lua alone and to the same call in C, in one
-- run. lua.lua NEXT: NEXT is the program of bench/next.c.
--
-- Every figure is a median over rounds, in which all measures take turns. What each makes is checked,
-- outside of what is timed.

local snowid = require "snowid"

local ROUNDS, COUNT = 31, 10000
local LAYOUT = "time:41,sequence:22;epoch=2024-01-01" -- not spent by a loop that does nothing else

local ids, ulids = snowid.generator(LAYOUT), snowid.generator "ulid"

-- A random UUID as it is written in Lua everywhere: from a generator that is not even secure.
local function uuid()
	return (("xxxxxxxx-xxxx-4xxx-yxxx-xxxxxxxxxxxx"):gsub("[xy]", function(c)
		return ("%x"):format(c == "x" and math.random(0, 15) or math.random(8, 11))
	end))
end

-- CPU time: nothing here waits.
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
assert(math.abs(ids:layout():time(last) - os.time()) <= 1, "the IDs are not of now")

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
print(("%-24s %10s %22s %14s"):format(rawget(_G, "jit") and "LUAJIT" or _VERSION:upper(), "NS", "A UUID IN LUA / IT", "IT / next IN C"))
for index, measure in ipairs(measures) do
	local ns = median(figures[index])
	print(("%-24s %10.1f %22.1f %14.2f"):format(measure[1], ns, reference / ns, ns / in_c))
end
