-- SPDX-License-Identifier: MIT
--
-- The tests of the Lua library, for Lua 5.3, 5.4 and LuaJIT. Says of each whether it passed in a line of
-- its own.

local snowid = require "snowid"
local processes = require(_VERSION == "Lua 5.4" and "processes" or "processes_posix")

local START = "2024-01-03T19:30:00Z"
local START_S = 1704310200
local SMALL = "time:41,worker:5,sequence:2"
local WIDE = "time:41,worker:1,sequence:22;epoch=2021-01-01"
local jit = rawget(_G, "jit")

-- A 64-bit integer of its text.
local function int(text)
	return snowid.parse_id(text)
end

-- ---- what is expected --------------------------------------------------------------------------

local function show(value)
	return type(value) == "table" and not getmetatable(value) and "a table" or tostring(value)
end

local function is(got, want)
	if got ~= want then
		error(("%s is not %s"):format(show(got), show(want)), 2)
	end
end

-- The call raises an error object of this name, whose message has the part. Returns it.
local function raises(name, part, call, ...)
	local ok, err = pcall(call, ...)
	if ok then
		error(("no error, but %s"):format(show(err)), 2)
	elseif type(err) ~= "table" or err.name ~= name or not err.message:find(part, 1, true) then
		error(("not %s with %q: %s %s"):format(name, part, type(err) == "table" and err.name or "", tostring(err)), 2)
	end
	is(tostring(err), err.message)
	return err
end

-- The call raises an error as Lua's own functions do.
local function mistakes(call, ...)
	local ok, err = pcall(call, ...)
	if ok or type(err) ~= "string" then
		error(("no mistake, but %s"):format(show(err)), 2)
	end
end

-- The IDs are all different and in order.
local function increasing(ids)
	for index = 2, #ids do
		if not (ids[index - 1] < ids[index]) then
			error(("ID %d is not above the one before it"):format(index), 2)
		end
	end
end

-- A generator on a manual clock that stands still a second after START.
local function manual(options)
	options = type(options) == "string" and { kind = options } or options or {}
	local clock = snowid.manual_clock(START)
	options.clock = clock
	if not options.kind or options.kind:find ":" then
		options.worker = options.worker or 1
	end
	local ids = snowid.generator(options)
	clock:advance(1)
	return ids, clock
end

local tests = {}

-- ---- what SWIG would let through ---------------------------------------------------------------

function tests.integers_of_64_bits_are_exact()
	local layout = snowid.layout "instagram"
	for _, text in ipairs {
		"0", "1", "9007199254740993", "4611686018427387905", "9223372036854775807", "9223372036854775808",
		"18446744073709551615",
	} do
		local id = int(text)
		is(snowid.format_id(id), text)
		local sec, nsec = layout:time(id)
		local back = layout:first_at(sec, nsec)
		is(layout:time_ms(back), layout:time_ms(id))
		local fields = { shard = layout:field(id, "shard"), sequence = layout:field(id, "sequence") }
		is(layout:encode(snowid.format_time(sec, nsec), fields), id)
	end
	if not jit then
		is(math.type(int "9007199254740993"), "integer")
		is(("%x"):format(int "18446744073709551615"), "ffffffffffffffff")
		is(math.ult(int "9223372036854775807", int "9223372036854775808"), true)
	end
end

function tests.a_value_of_more_than_53_bits_is_exact()
	local layout = snowid.layout "time:1,worker:63"
	is(snowid.format_id(layout:field(int "18446744073709551615", "worker")), "9223372036854775807")
	is(snowid.format_id(layout:encode("1970-01-01", { worker = int "9007199254740993" })), "9007199254740993")
	is(snowid.format_id(snowid.generator({ kind = "time:48,worker:16", worker = 65535 }):field "worker"), "65535")
end

function tests.negative_and_huge_numbers_are_refused()
	local ids = manual()
	local layout = snowid.layout "snowflake"
	for _, value in ipairs { -1, -5 } do
		raises("invalid", tostring(value), snowid.generator, { worker = value })
		raises("invalid", tostring(value), layout.encode, layout, START, { worker = value })
		raises("invalid", tostring(value), ids.batch, ids, value)
		raises("invalid", tostring(value), snowid.UUID.first_at, value, START)
		raises("invalid", tostring(value), layout.fits_until, layout, value)
	end
	raises("invalid", "32", snowid.generator, { worker = 32 })
	raises("invalid", "65", layout.fits_until, layout, 65)
	raises("invalid", "", layout.fits_until, layout, 2 ^ 40 == 1099511627776 and int "1099511627776")
	mistakes(ids.next, ids, -1)
	mistakes(ids.next, ids, "1")
	mistakes(ids.batch, ids, 1, "1")
	for _, value in ipairs { 1e300, -1e300, 0 / 0, 1 / 0, -1 / 0 } do
		is(pcall(layout.first_at, layout, value), false)
		is(pcall(snowid.manual_clock, value), false)
		is(pcall(snowid.format_time, value), false)
		local clock = snowid.manual_clock(START)
		is(pcall(clock.step, clock, value), false)
		is(pcall(clock.advance, clock, value), false)
	end
	is(pcall(ids.next, ids, 0 / 0), false)
end

function tests.what_is_not_an_integer_is_a_mistake()
	local ids = manual()
	local layout = snowid.layout "snowflake"
	for _, value in ipairs { 1.5, "12", true, {}, print } do
		mistakes(snowid.generator, { worker = value })
		mistakes(snowid.format_id, value)
		mistakes(layout.decode, layout, value)
		mistakes(layout.field, layout, value, "worker")
		mistakes(layout.encode, layout, START, { worker = value })
		mistakes(ids.batch, ids, value)
	end
	mistakes(snowid.format_id)
	mistakes(ids.batch, ids)
	if not jit then
		mistakes(snowid.format_id, 1.0)
	end
end

function tests.what_is_not_a_string_is_a_mistake()
	for _, value in ipairs { 5, true, {}, print } do
		mistakes(snowid.parse_id, value)
		mistakes(snowid.parse_time, value)
		mistakes(snowid.layout, value)
		mistakes(snowid.ULID.parse, value)
		mistakes(snowid.UUID.parse, value)
		mistakes(snowid.ULID.from_bytes, value)
	end
	mistakes(snowid.layout)
	mistakes(snowid.ULID.parse)
end

function tests.bytes_of_any_content()
	raises("invalid", "byte", snowid.parse_id, "1\0")
	raises("invalid", "0", snowid.layout, "snowflake\0")
	raises("invalid", "0", snowid.generator, { worker = 1, store = "memory:\0" })
	raises("invalid", "", snowid.ULID.parse, ("\255"):rep(26))
	raises("invalid", "16", snowid.ULID.from_bytes, "x")
	is(pcall(snowid.layout, "time:41," .. ("x"):rep(100000) .. ":5"), false)
end

function tests.nil_and_other_objects_are_no_handles()
	local ids, clock = manual()
	local layout = snowid.layout "snowflake"
	for _, value in ipairs { false, 5, "x", {}, layout, clock, io.stdout, snowid.ULID.new() } do
		mistakes(ids.next, value)
		mistakes(ids.try_next, value)
		mistakes(ids.batch, value, 1, 1)
		mistakes(ids.close, value)
		mistakes(ids:ids(), value)
		if value ~= layout then
			mistakes(layout.bits, value)
		end
	end
	mistakes(ids.next)
	mistakes(ids.next, nil)
	mistakes(layout.time, nil, 1)
	mistakes(clock.step, nil, 1)
	mistakes(snowid.generator, { worker = 1, clock = {} })
	mistakes(snowid.generator, { worker = 1, clock = layout })
	mistakes(snowid.generator)
	mistakes(snowid.generator, { 5 })
	mistakes(snowid.generator, { fields = 5 })
	mistakes(tostring, setmetatable({}, getmetatable(snowid.ULID.new())))
	mistakes(snowid.ULID.new().time, {})
end

function tests.what_has_been_collected()
	local ids = manual()
	local collect = getmetatable(ids).__gc
	if collect then
		collect(ids)
		collect(ids)
		mistakes(ids.next, ids)
		mistakes(ids.close, ids)
		mistakes(collect, {})
	end
end

-- A mistake is told where the program made it, and of a field by its name.
function tests.where_a_mistake_is()
	local layout = snowid.layout "snowflake"
	local calls = {
		function() snowid.generator { worker = "1" } end,
		function() layout:encode(START, { worker = {} }) end,
	}
	for _, call in ipairs(calls) do
		local _, message = pcall(call)
		is(message:match "^[^:]*test%.lua:%d+: worker must be an integer, not %a+$" ~= nil, true)
	end
	raises("invalid", "worker must be", snowid.generator, { worker = -1 })
end

function tests.there_is_no_global()
	for _, name in ipairs { "snowid", "snowid_native", "swig_type", "swig_equals" } do
		is(rawget(_G, name), nil)
	end
end

-- ---- values ------------------------------------------------------------------------------------

function tests.a_layout()
	local twitter = snowid.layout "twitter"
	local held = twitter:decode(int "1541815603606036480")
	is(held.time, 1656432460.105)
	is(held.unix_ms, 1656432460105)
	is(held.datacenter, 11)
	is(held.worker, 26)
	is(held.sequence, 0)
	is(twitter:encode("2022-06-28T16:07:40.105Z", { datacenter = 11, worker = 26 }), held.id)
	is(twitter:bits(), 63)
	is(twitter:unit_ns(), 1000000)
	is(twitter:ids_per_tick(), 4096)
	is(twitter:nodes(), 1024)
	is(twitter:last_tick(), 2199023255551)
	is(twitter:first_time(), 1288834974)
	is(select(2, twitter:first_time()), 657000000)
	is(snowid.format_time(twitter:fits_until(63)), "2080-07-10T17:30:30.208Z")
	is(tostring(twitter), "time:41,datacenter:5,worker:5,sequence:12;epoch=2010-11-04T01:42:54.657Z;unit=1ms")
	is(twitter == snowid.layout(twitter:spec()), true)
	is(twitter == snowid.layout "snowflake", false)
	is(twitter:fields()[2].name, "datacenter")
	is(twitter:fields()[2].shift, 17)
	is(table.concat(snowid.presets(), " "), "snowflake twitter discord instagram sonyflake js53")
	raises("invalid", "frob", twitter.field, twitter, held.id, "frob")
	raises("invalid", "frob", snowid.layout, "frob")
end

function tests.a_ulid()
	local ulid = snowid.ULID.parse "01ARYZ6S41TSV4RRFFQ69G5FAV"
	is(ulid:unix_ms(), 1469918176385)
	is(ulid:time(), 1469918176)
	is(select(2, ulid:time()), 385000000)
	is(tostring(ulid:to_uuid()), "01563df3-6481-d676-4c61-efb99302bd5b")
	is(ulid:to_uuid():to_ulid(), ulid)
	is(tostring(snowid.ULID.parse("01BX5ZZKBKACTAV9WEVGEMMVRZ"):increment()), "01BX5ZZKBKACTAV9WEVGEMMVS0")
	local last = snowid.ULID.parse "01BX5ZZKBKZZZZZZZZZZZZZZZZ"
	raises("invalid", "", last.increment, last)
	is(snowid.ULID.from_bytes(ulid.bytes), ulid)
	is("id " .. ulid, "id 01ARYZ6S41TSV4RRFFQ69G5FAV")
	local low, high = snowid.ULID.first_at(ulid:time()), snowid.ULID.last_at(ulid:time())
	is(low < ulid and ulid < high, true)
end

function tests.a_uuid()
	local uuid = snowid.UUID.parse "C232AB00-9414-11EC-B3C8-9F6BDECED846"
	is(uuid:version(), 1)
	is(uuid:variant(), "rfc9562")
	is(uuid:node(), 175285648414790)
	is(uuid:clock_seq(), 13256)
	is(uuid:time(), 1645557742)
	is(tostring(uuid:to_v6()), "1ec9414c-232a-6b00-b3c8-9f6bdeced846")
	is(uuid:to_v6():to_v1(), uuid)
	is(uuid:replace({ node = 5, clock_seq = 6 }):node(), 5)
	is(uuid:replace({ node = 5, clock_seq = 6 }):clock_seq(), 6)
	raises("invalid", "16383", uuid.replace, uuid, { clock_seq = 16384 })
	mistakes(uuid.replace, uuid, { node = 2 ^ 48 })
	mistakes(uuid.replace, uuid, { node = "5" })
	local random = snowid.UUID.parse "919108f7-52d1-4320-9bac-f847db4148a8"
	is(random:time(), nil)
	is(random:unix_ms(), nil)
	raises("invalid", "", random.node, random)
end

function tests.values_compare_and_sort()
	local a, b = snowid.ULID.parse "01ARYZ6S41TSV4RRFFQ69G5FAV", snowid.ULID.parse "01aryz6s41tsv4rrffq69g5fav"
	local c = snowid.ULID.parse "01ARZ3NDEKTSV4RRFFQ69G5FAV"
	is(a == b, true)
	is(a == c, false)
	is(a < c, true)
	is(c < a, false)
	is(a <= b and a >= b, true)
	is(a == a:to_uuid(), false)
	mistakes(function()
		return a < a:to_uuid()
	end)
	mistakes(function()
		return a < 5
	end)
	local list = { c, a, b }
	table.sort(list)
	is(list[3], c)
	for _ = 1, 1000 do
		local x, y = snowid.UUID.new(), snowid.UUID.new()
		is(x < y, tostring(x) < tostring(y))
	end
end

function tests.new_ones_are_of_now()
	for _, class in ipairs { snowid.ULID, snowid.UUID } do
		local before = os.time()
		local sec = class.new():time()
		is(before <= sec and sec <= os.time() + 1, true) -- time(2) may lag the clock
		is(class.new() == class.new(), false)
	end
end

function tests.texts()
	is(table.concat(snowid.FORMS, " "), "decimal padded hex base32 base36 base58 base62")
	is(snowid.format_id(int "18446744073709551615", "base62"), "LygHa16AHYF")
	is(snowid.parse_id("LygHa16AHYF", "base62"), int "18446744073709551615")
	raises("invalid", "frob", snowid.format_id, 1, "frob")
	is(snowid.format_time(-0.5), "1969-12-31T23:59:59.500Z")
	is(snowid.format_time(START_S), "2024-01-03T19:30:00.000Z")
	is(select(2, snowid.parse_time "2024-01-03T20:30:00.123456789+01:00"), 123456789)
end

function tests.errors()
	local err = raises("system", "/nonexistent/x", snowid.generator, { worker = 1, store = "file:/nonexistent/x" })
	is(err.code, -2)
	is(raises("invalid", "frob", snowid.layout, "frob").code, snowid.E_UNKNOWN)
	is(snowid.E_CLOCK, -1008)
end

-- ---- generators --------------------------------------------------------------------------------

function tests.an_id_holds_what_it_should()
	local ids, clock = manual { worker = 7, datacenter = 3 }
	local held = ids:layout():decode(ids:next())
	is(held.unix_ms, START_S * 1000 + 1000)
	is(held.unix_ms, clock:now() * 1000)
	is(held.worker, 7)
	is(held.datacenter, 3)
	is(ids:field "worker", 7)
	raises("invalid", "frob", ids.field, ids, "frob")
	is(snowid.generator({ kind = "time:41,wait:5,sequence:5", fields = { wait = 3 } }):field "wait", 3)
	is(snowid.generator({ kind = snowid.layout "instagram", shard = 3 }):field "shard", 3)
	raises("invalid", "worker", snowid.generator, {})
	raises("invalid", "frob", snowid.generator, { worker = 1, frob = 1 })
end

function tests.kinds()
	for _, kind in ipairs { "ulid", "uuid1", "uuid6", "uuid7" } do
		local class = kind == "ulid" and snowid.ULID or snowid.UUID
		local ids = manual(kind)
		for _, id in ipairs { ids:next(), ids:next(1), ids:try_next(), ids:batch(2)[2], (ids:ids()(ids)) } do
			is(getmetatable(id), getmetatable(class.new()))
		end
		is(ids:layout(), nil)
		is(ids:kind(), kind)
	end
	local id = manual({ kind = "uuid6", node = 5, clock_seq = 6 }):next()
	is(id:node(), 5)
	is(id:clock_seq(), 6)
end

function tests.iteration()
	local ids = manual()
	local made = {}
	for id in ids:ids() do
		made[#made + 1] = id
		if #made == 100 then
			break
		end
	end
	increasing(made)
	is(ids:stats().issued, 100)
end

function tests.nothing_is_drawn_before_it_is_asked_for()
	local ids, clock = manual()
	local walk, state = ids:ids()
	walk(state)
	clock:advance(0.1)
	is(ids:layout():time_ms(walk(state)), START_S * 1000 + 1100)
	is(ids:stats().issued, 2)
end

function tests.a_batch()
	local ids = manual()
	local made = ids:batch(10000)
	is(#made, 10000)
	increasing(made)
	is(#ids:batch(0), 0)
	is(pcall(ids.batch, ids, int "9007199254740993"), false)
	local small = manual { kind = SMALL, timeout = 0 }
	local err = raises("exhausted", "spent", small.batch, small, 6)
	is(#err.partial, 4)
	increasing(small:batch(6, 1))
end

function tests.timeouts()
	local ids = manual { kind = SMALL, timeout = 0.5 }
	is(ids:setting "timeout", "500ms")
	is(ids:timeout(), 0.5)
	for _ = 1, 4 do
		ids:next(0)
	end
	raises("exhausted", "spent", ids.next, ids, 0)
	raises("exhausted", "spent", ids.next, ids, 0.0005)
	ids:next()
	local far, clock = manual { kind = SMALL, wait = "1h", hold = "1h", timeout = 1 }
	far:next()
	clock:step(-1800)
	local before = clock:elapsed_ns()
	raises("clock", "1799000.0000 ms", far.next, far)
	is(clock:elapsed_ns() - before, 1000000000)
end

function tests.try_next()
	local ids, clock = manual(SMALL)
	for _ = 1, 4 do
		is(ids:try_next() ~= nil, true)
	end
	local id, seconds = ids:try_next()
	is(id, nil)
	is(math.abs(seconds - 0.001) < 1e-9, true)
	clock:advance(0.001)
	is(ids:try_next() ~= nil, true)
	clock:step(-3600)
	raises("clock", "3600000.0000 ms", ids.try_next, ids)
end

function tests.a_clock_that_steps_back()
	local ids, clock = manual { hold = "2s", wait = 0.01 }
	ids:next()
	clock:step(-1.5)
	ids:next()
	clock:step(-1)
	raises("clock", "2500.0000 ms", ids.next, ids)
	local stats = ids:stats()
	is(stats.regressions, 1)
	is(stats.refused, 1)
	is(stats.max_lag_ns, 2500000000)
	clock:set(START_S + 3)
	is(clock:now(), START_S + 3)
	ids:next()
end

function tests.available_and_maintain()
	local ids = manual(SMALL)
	is(ids:available(), 4)
	ids:batch(3)
	is(ids:available(), 1)
	is(ids:maintain(), math.huge)
end

function tests.close()
	local ids = manual()
	ids:close()
	ids:close(0)
	for _, call in ipairs { ids.next, ids.try_next, ids.available, (ids:ids()) } do
		raises("closed", "closed", call, ids)
	end
	raises("closed", "closed", ids.batch, ids, 1)
	is(ids:stats().issued, 0)
	if _VERSION >= "Lua 5.4" then
		local kept = load [[
			local ids = ...
			local closing <close> = ids
			closing:next()
			return ids
		]](manual())
		raises("closed", "closed", kept.next, kept)
	end
end

function tests.a_state_file()
	local path = ("%s/lua-state.%s"):format(os.getenv "PWD", tostring({}):match "0x(%x+)")
	local options = { worker = 1, store = "file:" .. path, block = "20ms", jump = 7200, mode = "0640" }
	local ids = snowid.generator(options)
	is(ids:setting "jump", "2h")
	is(ids:setting "mode", "0640")
	local first = ids:batch(100)[100]
	ids:close()
	local again = snowid.generator(options)
	is(first < again:next(), true)
	is(again:maintain() < 1, true)
	raises("store", "kind", snowid.generator, { kind = "twitter", worker = 1, store = "file:" .. path })
	raises("invalid", "mode", snowid.generator, { worker = 1, mode = "0777" })
	os.remove(path)
end

-- What collects a generator frees its worker, and says nothing.
function tests.a_worker_is_free_when_its_generator_is_collected()
	local path = ("%s/lua-slots.%s"):format(os.getenv "PWD", tostring({}):match "0x(%x+)")
	local options = { store = "slots:" .. path .. "?workers=3-3", block = "10ms" }
	local ids = snowid.generator(options)
	is(ids:field "worker", 3)
	raises("store", "3", snowid.generator, options)
	ids = nil -- luacheck: ignore
	collectgarbage()
	collectgarbage()
	snowid.generator(options):close()
	os.execute(("rm -r '%s'"):format(path))
end

-- ---- processes and garbage ---------------------------------------------------------------------

-- What several children print of what `call` returns, a list, as texts.
local function in_children(count, call)
	local readers, texts = {}, {}
	for index = 1, count do
		local reader, writer = processes.pipe()
		if processes.fork() == 0 then
			local lines = {}
			for _, id in ipairs(call()) do
				lines[#lines + 1] = tostring(id)
			end
			processes.write(writer, table.concat(lines, "\n"))
			processes.exit(0)
		end
		processes.close(writer)
		readers[index] = reader
	end
	for _, reader in ipairs(readers) do
		for line in processes.read(reader):gmatch "[^\n]+" do
			texts[#texts + 1] = line
		end
		is(processes.wait(), 0)
	end
	return texts
end

local function all_different(count, ...)
	local seen, found = {}, 0
	for _, list in ipairs { ... } do
		for _, id in ipairs(list) do
			local text = tostring(id)
			is(seen[text], nil)
			seen[text] = true
			found = found + 1
		end
	end
	is(found, count)
end

function tests.children_share_a_generator()
	for _, kind in ipairs { WIDE, "ulid", "uuid7" } do
		local ids = snowid.generator { kind = kind, worker = kind == WIDE and 1 or nil }
		ids:next()
		local children = in_children(4, function()
			local made = ids:batch(2500)
			for _ = 1, 2500 do
				made[#made + 1] = ids:next()
			end
			return made
		end)
		all_different(25000, children, ids:batch(5000))
	end
end

function tests.fork_in_the_middle_of_an_iteration()
	local ids = snowid.generator { kind = WIDE, worker = 1 }
	local walk, state = ids:ids()
	local function take()
		local made = {}
		for _ = 1, 200 do
			made[#made + 1] = walk(state)
		end
		return made
	end
	local before = take()
	local children = in_children(4, take)
	all_different(1200, before, children, take())
end

function tests.random_values_after_fork()
	local function take()
		local made = {}
		for _ = 1, 1000 do
			made[#made + 1] = snowid.ULID.new()
			made[#made + 1] = snowid.UUID.new()
		end
		return made
	end
	take()
	all_different(8000, in_children(4, take))
end

-- Runs `call` whenever garbage of this kind is collected.
local function when_collected(call)
	if jit then
		getmetatable(newproxy(true)).__gc = call
	else
		setmetatable({}, { __gc = call })
	end
end

-- A finalizer runs in the middle of whatever allocates, this library's own calls included.
function tests.finalizers_that_draw()
	local function keep(list, more)
		for _, id in ipairs(more) do
			list[#list + 1] = id
		end
	end
	local pause = collectgarbage("setpause", 1) -- begin the next round at once
	for _, kind in ipairs { WIDE, "ulid" } do
		local ids = snowid.generator { kind = kind, worker = kind == WIDE and 1 or nil }
		local made, late = {}, {}
		for _ = 1, 2000 do
			when_collected(function()
				keep(late, { ids:next(), (ids:try_next()) })
				keep(late, ids:batch(3))
			end)
			keep(made, { ids:next(), (ids:try_next()), ids:next(1) })
			keep(made, ids:batch(5))
		end
		collectgarbage()
		collectgarbage()
		is(#late > 0, true)
		all_different(#made + #late, made, late)
	end
	collectgarbage("setpause", pause)
end

function tests.coroutines_share_a_generator()
	local ids, walks, made = snowid.generator { kind = WIDE, worker = 1 }, {}, {}
	for index = 1, 10 do
		walks[index] = coroutine.wrap(function()
			for id in ids:ids() do
				coroutine.yield(id)
			end
		end)
	end
	for _ = 1, 100 do
		for _, walk in ipairs(walks) do
			made[#made + 1] = walk()
		end
	end
	increasing(made)
end

-- Each has objects and metatables of its own, and frees them when it is closed.
tests.several_states = processes.in_another_state and function()
	local made = {}
	for index = 1, 3 do
		made[index] = processes.in_another_state [[
			local snowid = require "snowid"
			kept = { snowid.generator "ulid", snowid.layout "twitter", snowid.manual_clock(0), snowid.ULID.new() }
			return tostring(kept[1]:next())
		]]
		is(#made[index], 26)
	end
	all_different(3, made)
end

local function rss()
	local file = assert(io.open "/proc/self/statm")
	local pages = file:read("*l"):match "^%d+ (%d+)"
	file:close()
	return pages * 4096
end

local function litter(count)
	for _ = 1, count do
		snowid.generator({ worker = 1 }):try_next()
		snowid.manual_clock(0)
		for _ = 1, 3 do
			snowid.layout "twitter"
		end
		for _ = 1, 44 do
			snowid.ULID.new():to_uuid()
		end
		pcall(snowid.layout, "frob")
	end
	collectgarbage()
	collectgarbage()
end

-- A million objects; growth is far below what a hundredth of their memory would be.
function tests.garbage_is_collected()
	litter(1000)
	local before = rss()
	litter(20000)
	is(rss() - before < 2 ^ 23, true)
end

local function more_generators_than_the_system_has_maps_for()
	local ballast = {} -- so much that the collector has no reason to hurry
	for index = 1, 200000 do
		ballast[index] = { index }
	end
	for _ = 1, 70000 do
		snowid.generator { worker = 1 }
	end
	is(#ballast, 200000)
end

-- AddressSanitizer ends the process when it gets no map itself.
if not (os.getenv "SANITIZERS" or ""):find "address" then
	tests.more_generators_than_the_system_has_maps_for = more_generators_than_the_system_has_maps_for
end

-- ---- running -----------------------------------------------------------------------------------

local names, good = {}, true
for name in pairs(tests) do
	names[#names + 1] = name
end
table.sort(names)
for _, name in ipairs(names) do
	local ok, err = xpcall(tests[name], debug.traceback and function(err)
		return type(err) == "table" and err or debug.traceback(err)
	end)
	print(("%s - %s: %s"):format(ok and "ok" or "not ok", jit and "LuaJIT" or _VERSION, name))
	if not ok then
		print(tostring(err))
		good = false
	end
end
os.exit(good)
