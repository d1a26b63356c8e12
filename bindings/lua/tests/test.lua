-- SPDX-License-Identifier: MIT
--
-- The tests of the Lua library, for Lua 5.3, 5.4 and LuaJIT. Prints a line for each test.

local snowid = require "snowid"
local processes = require(_VERSION == "Lua 5.4" and "processes" or "processes_posix")

local START = "2024-01-03T19:30:00Z"
local START_S = 1704310200
local SMALL = "time:41,worker:5,sequence:2"
local WIDE = "time:41,worker:1,sequence:22;epoch=2021-01-01"
local jit = rawget(_G, "jit")

-- Converts decimal text to a 64-bit integer.
local function int64(text)
	return snowid.parse_id(text)
end

-- ---- assertions --------------------------------------------------------------------------------

local function show(value)
	return type(value) == "table" and not getmetatable(value) and "a table" or tostring(value)
end

local function expect(got, want)
	if got ~= want then
		error(("%s is not %s"):format(show(got), show(want)), 2)
	end
end

-- Expects an error object with this name and this part of the message. Returns it.
local function expect_error(name, part, call, ...)
	local ok, err = pcall(call, ...)
	if ok then
		error(("no error, but %s"):format(show(err)), 2)
	elseif type(err) ~= "table" or err.name ~= name or not err.message:find(part, 1, true) then
		local found = type(err) == "table" and err.name or ""
		error(("not %s with %q: %s %s"):format(name, part, found, tostring(err)), 2)
	end
	expect(tostring(err), err.message)
	return err
end

-- Expects an ordinary Lua error, as Lua's own functions raise.
local function expect_mistake(call, ...)
	local ok, err = pcall(call, ...)
	if ok or type(err) ~= "string" then
		error(("no mistake, but %s"):format(show(err)), 2)
	end
end

-- Expects that the IDs are unique and in order.
local function expect_increasing(ids)
	for index = 2, #ids do
		if not (ids[index - 1] < ids[index]) then
			error(("ID %d is not above the one before it"):format(index), 2)
		end
	end
end

-- A generator on a manual clock, which is at START plus a second and stands still.
local function generator_on_manual_clock(options)
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

-- ---- arguments that SWIG would accept ----------------------------------------------------------

function tests.integers_of_64_bits_are_exact()
	local layout = snowid.layout "instagram"
	for _, text in ipairs {
		"0", "1", "9007199254740993", "4611686018427387905", "9223372036854775807",
		"9223372036854775808", "18446744073709551615",
	} do
		local id = int64(text)
		expect(snowid.format_id(id), text)
		local sec, nsec = layout:time(id)
		local back = layout:first_at(sec, nsec)
		expect(layout:time_ms(back), layout:time_ms(id))
		local shard, sequence = layout:field(id, "shard"), layout:field(id, "sequence")
		local fields = { shard = shard, sequence = sequence }
		expect(layout:encode(snowid.format_time(sec, nsec), fields), id)
	end
	if not jit then
		expect(math.type(int64 "9007199254740993"), "integer")
		expect(("%x"):format(int64 "18446744073709551615"), "ffffffffffffffff")
		expect(math.ult(int64 "9223372036854775807", int64 "9223372036854775808"), true)
	end
end

function tests.field_values_above_53_bits_are_exact()
	local layout = snowid.layout "time:1,worker:63"
	local worker = layout:field(int64 "18446744073709551615", "worker")
	expect(snowid.format_id(worker), "9223372036854775807")
	local id = layout:encode("1970-01-01", { worker = int64 "9007199254740993" })
	expect(snowid.format_id(id), "9007199254740993")
	local ids = snowid.generator { kind = "time:48,worker:16", worker = 65535 }
	expect(snowid.format_id(ids:field "worker"), "65535")
end

function tests.negative_and_huge_numbers_are_refused()
	local ids = generator_on_manual_clock()
	local layout = snowid.layout "snowflake"
	for _, value in ipairs { -1, -5 } do
		expect_error("invalid", tostring(value), snowid.generator, { worker = value })
		local fields = { worker = value }
		expect_error("invalid", tostring(value), layout.encode, layout, START, fields)
		expect_error("invalid", tostring(value), ids.batch, ids, value)
		expect_error("invalid", tostring(value), snowid.UUID.first_at, value, START)
		expect_error("invalid", tostring(value), layout.fits_until, layout, value)
	end
	expect_error("invalid", "32", snowid.generator, { worker = 32 })
	expect_error("invalid", "65", layout.fits_until, layout, 65)
	expect_error("invalid", "", layout.fits_until, layout, int64 "1099511627776")
	for _, value in ipairs { -1, -0.001, 1e300, "1" } do
		expect_error("invalid", "span", ids.next, ids, value)
		expect_error("invalid", "span", ids.batch, ids, 1, value)
		expect_error("invalid", "span", ids.close, ids, value)
		expect_error("invalid", "span", snowid.generator, { worker = 1, hold = value })
		local options = { worker = 1, open_timeout = value }
		expect_error("invalid", "span", snowid.generator, options)
	end
	expect_mistake(ids.next, ids, true)
	expect_mistake(ids.batch, ids, 1, {})
	for _, value in ipairs { 1e300, -1e300, 0 / 0, 1 / 0, -1 / 0 } do
		expect(pcall(layout.first_at, layout, value), false)
		expect(pcall(snowid.manual_clock, value), false)
		expect(pcall(snowid.format_time, value), false)
		local clock = snowid.manual_clock(START)
		expect(pcall(clock.step, clock, value), false)
		expect(pcall(clock.advance, clock, value), false)
	end
	expect(pcall(ids.next, ids, 0 / 0), false)
end

function tests.non_integers_raise_lua_errors()
	local ids = generator_on_manual_clock()
	local layout = snowid.layout "snowflake"
	for _, value in ipairs { 1.5, "12", true, {}, print } do
		expect_mistake(snowid.generator, { worker = value })
		expect_mistake(layout.encode, layout, START, { worker = value })
		expect_mistake(ids.batch, ids, value)
	end
	for _, value in ipairs { 1.5, -1.5, true, {}, print } do
		expect_mistake(snowid.format_id, value)
		expect_mistake(layout.decode, layout, value)
		expect_mistake(layout.field, layout, value, "worker")
		expect_mistake(layout.time, layout, value)
	end
	expect_mistake(snowid.format_id)
	expect_mistake(ids.batch, ids)
	if not jit then
		expect_mistake(snowid.format_id, 1.0)
	end
end

function tests.non_strings_raise_lua_errors()
	for _, value in ipairs { 5, true, {}, print } do
		expect_mistake(snowid.parse_id, value)
		expect_mistake(snowid.parse_time, value)
		expect_mistake(snowid.layout, value)
		expect_mistake(snowid.ULID.parse, value)
		expect_mistake(snowid.UUID.parse, value)
		expect_mistake(snowid.ULID.from_bytes, value)
	end
	expect_mistake(snowid.layout)
	expect_mistake(snowid.ULID.parse)
end

function tests.text_with_zeros_or_invalid_bytes_is_refused()
	expect_error("invalid", "byte", snowid.parse_id, "1\0")
	expect_error("invalid", "0", snowid.layout, "snowflake\0")
	expect_error("invalid", "0", snowid.generator, { worker = 1, store = "memory:\0" })
	expect_error("invalid", "", snowid.ULID.parse, ("\255"):rep(26))
	expect_error("invalid", "16", snowid.ULID.from_bytes, "x")
	expect(pcall(snowid.layout, "time:41," .. ("x"):rep(100000) .. ":5"), false)
end

function tests.only_handles_are_accepted_as_handles()
	local ids, clock = generator_on_manual_clock()
	local layout = snowid.layout "snowflake"
	for _, value in ipairs { false, 5, "x", {}, layout, clock, io.stdout, snowid.ULID.new() } do
		expect_mistake(ids.next, value)
		expect_mistake(ids.try_next, value)
		expect_mistake(ids.batch, value, 1, 1)
		expect_mistake(ids.close, value)
		expect_mistake(ids:ids(), value)
		if value ~= layout then
			expect_mistake(layout.bits, value)
		end
	end
	expect_mistake(ids.next)
	expect_mistake(ids.next, nil)
	expect_mistake(layout.time, nil, 1)
	expect_mistake(clock.step, nil, 1)
	expect_mistake(snowid.generator, { worker = 1, clock = {} })
	expect_mistake(snowid.generator, { worker = 1, clock = layout })
	expect_mistake(snowid.generator)
	expect_mistake(snowid.generator, { 5 })
	expect_mistake(snowid.generator, { fields = 5 })
	expect_mistake(tostring, setmetatable({}, getmetatable(snowid.ULID.new())))
	expect_mistake(snowid.ULID.new().time, {})
end

function tests.collected_objects_raise_lua_errors()
	local ids = generator_on_manual_clock()
	local collect = getmetatable(ids).__gc
	if collect then
		collect(ids)
		collect(ids)
		expect_mistake(ids.next, ids)
		expect_mistake(ids.close, ids)
		expect_mistake(collect, {})
	end
end

function tests.lua_errors_name_the_callers_line_and_the_field()
	local layout = snowid.layout "snowflake"
	local calls = {
		function() snowid.generator { worker = "1" } end,
		function() layout:encode(START, { worker = {} }) end,
	}
	for _, call in ipairs(calls) do
		local _, message = pcall(call)
		local pattern = "^[^:]*test%.lua:%d+: worker must be an integer, not %a+$"
		expect(message:match(pattern) ~= nil, true)
	end
	expect_error("invalid", "worker must be", snowid.generator, { worker = -1 })
end

function tests.the_module_sets_no_globals()
	for _, name in ipairs { "snowid", "snowid_native", "swig_type", "swig_equals" } do
		expect(rawget(_G, name), nil)
	end
end

-- ---- values ------------------------------------------------------------------------------------

function tests.a_layout()
	local twitter = snowid.layout "twitter"
	local parts = twitter:decode(int64 "1541815603606036480")
	expect(parts.time, 1656432460.105)
	expect(parts.unix_ms, 1656432460105)
	expect(parts.datacenter, 11)
	expect(parts.worker, 26)
	expect(parts.sequence, 0)
	local fields = { datacenter = 11, worker = 26 }
	expect(twitter:encode("2022-06-28T16:07:40.105Z", fields), parts.id)
	expect(twitter:bits(), 63)
	expect(twitter:unit_ns(), 1000000)
	expect(twitter:ids_per_tick(), 4096)
	expect(twitter:nodes(), 1024)
	expect(twitter:last_tick(), 2199023255551)
	expect(twitter:first_time(), 1288834974)
	expect(select(2, twitter:first_time()), 657000000)
	expect(snowid.format_time(twitter:fits_until(63)), "2080-07-10T17:30:30.208Z")
	expect(tostring(twitter), "time:41,datacenter:5,worker:5,sequence:12;"
		.. "epoch=2010-11-04T01:42:54.657Z;unit=1ms")
	expect(twitter == snowid.layout(twitter:spec()), true)
	expect(twitter == snowid.layout "snowflake", false)
	expect(twitter:fields()[2].name, "datacenter")
	expect(twitter:fields()[2].shift, 17)
	local presets = "snowflake twitter discord instagram sonyflake js53"
	expect(table.concat(snowid.presets(), " "), presets)
	expect_error("invalid", "frob", twitter.field, twitter, parts.id, "frob")
	expect_error("invalid", "frob", snowid.layout, "frob")
end

function tests.ids_as_text_and_of_a_signed_column()
	local layout = snowid.layout "instagram"
	for _, same in ipairs { int64 "18446744073709551611", -5, "18446744073709551611" } do
		local parts = layout:decode(same)
		expect(snowid.format_id(parts.id), "18446744073709551611")
		expect(parts.sequence, 1019)
		expect(layout:field(same, "sequence"), 1019)
		expect(layout:time(same), (layout:time(parts.id)))
		expect(layout:time_ms(same), layout:time_ms(parts.id))
	end
	expect_error("invalid", "x", layout.decode, layout, "0x5")
end

-- All milliseconds of a few seconds, as floats.
function tests.seconds_as_a_float_are_exact()
	for _, unit in ipairs { "1us", "1ms", "10ms", "1s" } do
		local spec = "time:52,worker:4,sequence:8;epoch=2020-01-01;unit=" .. unit
		local layout, fields = snowid.layout(spec), { worker = 3, sequence = 200 }
		for _, second in ipairs { 1577836800, 1704310200, 1792000000, 4102444799 } do
			for ms = 0, 999 do
				local text = snowid.format_time(second, ms * 1000000)
				local id = layout:encode(text, fields)
				local time = layout:decode(id).time
				expect(layout:encode(time, fields), id)
				expect(layout:encode(second + ms / 1000, fields), id)
				expect(layout:first_at(time) <= id, true)
				expect(id <= layout:last_at(time), true)
			end
		end
	end
end

function tests.microseconds_as_a_float_are_exact()
	local layout = snowid.layout "time:52,sequence:12;epoch=2020-01-01;unit=1us"
	for us = 0, 999 do
		local id = layout:first_at(1704310200, 123000000 + us * 1000)
		expect(layout:first_at(layout:decode(id).time), id)
		expect(layout:first_at(1704310200.123 + us / 1e6), id)
	end
end

-- Each is January of 2024.
function tests.a_range_of_ids()
	local layout = snowid.layout "discord"
	for _, ends in ipairs {
		{ "2024-01" }, { "2024-01-01", "2024-02-01" }, { "2024-01", "2024-02" },
		{ 1704067200, 1706745600 }, { 1704067200.0, "2024-02-01T00:00:00Z" },
	} do
		local first, last = layout:range(ends[1], ends[2])
		expect(snowid.format_id(first), "1191168914227200000")
		expect(snowid.format_id(last), "1202402938060799999")
	end
	local first, last = layout:range(START, START)
	expect(first > last, true) -- nothing
	first, last = layout:range("2024-01-01", math.huge)
	expect(first, (layout:range "2024-01"))
	expect(last, int64 "18446744073709551615")
	first, last = layout:range(-math.huge, "2024-02-01")
	expect(first, int64 "0")
	expect(last, select(2, layout:range "2024-01"))
	expect_error("invalid", "", layout.range, layout, "2024-02", "2024-01")
	expect_error("invalid", "before the layout", layout.range, layout, "2000-01")
	for _, value in ipairs { START_S, math.huge, true, {} } do
		expect_mistake(layout.range, layout, value)
	end
	expect_mistake(layout.range, layout)
	expect_mistake(layout.range, layout, START, {})
	expect_mistake(layout.range, layout, true, START)
end

-- One ends where the next begins, also for a period that is shorter than a tick.
function tests.periods_that_follow_each_other_share_no_id()
	local layout = snowid.layout "sonyflake"
	local first, next_first = layout:range "2024-01-03T19:30Z", nil
	for second = 0, 59 do
		local low, high = layout:range(("2024-01-03T19:30:%02dZ"):format(second))
		expect(low, next_first or first)
		next_first = high + 1
	end
	expect(next_first, select(2, layout:range "2024-01-03T19:30Z") + 1)
	for ms = 1, 9 do
		local low, high = layout:range(("2024-01-03T19:30:00.00%dZ"):format(ms))
		expect(low > high, ms < 9)
	end
end

function tests.ranges_of_ulids_and_uuids()
	local first, last = snowid.ULID.range "2024-01"
	expect(first, snowid.ULID.first_at "2024-01-01")
	expect(last, snowid.ULID.last_at "2024-01-31T23:59:59.999Z")
	expect((snowid.ULID.range(-math.huge, START)), snowid.ULID.NIL)
	for _, version in ipairs { 6, 7 } do
		first, last = snowid.UUID.range(version, "2024-01-01", "2024-02-01")
		expect(first, snowid.UUID.first_at(version, "2024-01-01"))
		expect(last, (select(2, snowid.UUID.range(version, "2024-01"))))
		expect(last:version(), version)
	end
	expect_error("invalid", "1", snowid.UUID.range, 1, "2024-01")
end

function tests.a_wrong_unit_is_no_other_year()
	local says = "as milliseconds it would be in 2024"
	expect_error("invalid", says, snowid.format_time, 1704310200000)
	expect_error("invalid", "@1704310200", snowid.parse_time, "1704310200")
end

function tests.spans()
	local clock = snowid.manual_clock(0)
	clock:advance "250ms"
	clock:advance(0.75)
	clock:step "1m"
	clock:step(-30)
	clock:step(-0.001)
	expect(tostring(clock), "1970-01-01T00:00:30.999Z")
	clock:step "4000h"
	clock:step(-4000 * 3600)
	clock:advance(0.1)
	clock:advance(0.2)
	expect(tostring(clock), "1970-01-01T00:00:31.299Z")
	expect(pcall(clock.step, clock, "5000000h"), false) -- 2^63 ns are 2,562,047 hours
	expect(pcall(clock.advance, clock, "5000000h"), false)
	expect(pcall(clock.advance, clock, "18446744073709551615ns"), false)
	expect_error("invalid", "span", clock.step, clock, "-1ms")
	expect_error("invalid", "negative", clock.advance, clock, -1)
	snowid.generator({ worker = 1, open_timeout = math.huge }):close(math.huge)
	local ids = snowid.generator { worker = 1, hold = 0.3, borrow = "1ms", open_timeout = "1m" }
	expect(ids:setting "hold", "300ms")
	expect(ids:timeout(), 2)
	ids:next "1s"
	ids:next(math.huge)
	ids:batch(2, "1s")
	ids:close "0"
end

-- tests/vectors/ff1.tsv
function tests.masks()
	local digits = "000102030405060708090a0b0c0d0e0f"
	local bytes = digits:gsub("..", function(pair)
		return string.char(tonumber(pair, 16))
	end)
	for _, key in ipairs { digits, digits:upper(), bytes } do
		local mask = snowid.mask(key, "time:12,sequence:8")
		expect(mask:apply(0), int64 "313155")
		expect(mask:apply "567345", int64 "453093")
		expect(mask:revert(453093), int64 "567345")
		expect(mask:parse(mask:format(567345)), int64 "567345")
		expect(mask:format(567345), snowid.format_id(453093, "base58"))
		expect(tostring(mask), "snowid.mask")
	end
	local mask = snowid.mask(digits)
	for _, text in ipairs { "0", "1541815603606036480", "18446744073709551615" } do
		expect(snowid.format_id(mask:revert(mask:apply(text))), text)
	end
	expect(mask:apply(-1), mask:apply "18446744073709551615")
	local layout = snowid.layout "twitter"
	expect(snowid.mask(digits, layout):apply(5), snowid.mask(digits, "twitter"):apply(5))
	for _, key in ipairs { digits .. "0", digits:sub(2), "x" .. digits:sub(2) } do
		local err = expect_error("invalid", "", snowid.mask, key)
		expect(err.message:find("0b0c", 1, true), nil)
	end
	expect_error("invalid", "", snowid.mask, digits, "time:16")
	local layout_mask = snowid.mask(digits, layout)
	expect_error("invalid", "", layout_mask.apply, layout_mask, -1)
	for _, value in ipairs { 5, true, {}, layout } do
		expect_mistake(snowid.mask, value)
		expect_mistake(mask.apply, value, 1)
		expect_mistake(mask.parse, mask, value)
		if value ~= layout then
			expect_mistake(snowid.mask, digits, value)
		end
	end
	expect_mistake(mask.apply, mask, 1.5)
end

function tests.a_ulid()
	local ulid = snowid.ULID.parse "01ARYZ6S41TSV4RRFFQ69G5FAV"
	expect(ulid:unix_ms(), 1469918176385)
	expect(ulid:time(), 1469918176)
	expect(select(2, ulid:time()), 385000000)
	expect(tostring(ulid:to_uuid()), "01563df3-6481-d676-4c61-efb99302bd5b")
	expect(ulid:to_uuid():to_ulid(), ulid)
	local next_ulid = snowid.ULID.parse("01BX5ZZKBKACTAV9WEVGEMMVRZ"):increment()
	expect(tostring(next_ulid), "01BX5ZZKBKACTAV9WEVGEMMVS0")
	local last = snowid.ULID.parse "01BX5ZZKBKZZZZZZZZZZZZZZZZ"
	expect_error("invalid", "", last.increment, last)
	expect(snowid.ULID.from_bytes(ulid.bytes), ulid)
	expect("id " .. ulid, "id 01ARYZ6S41TSV4RRFFQ69G5FAV")
	local low, high = snowid.ULID.first_at(ulid:time()), snowid.ULID.last_at(ulid:time())
	expect(low < ulid and ulid < high, true)
end

function tests.a_uuid()
	local uuid = snowid.UUID.parse "C232AB00-9414-11EC-B3C8-9F6BDECED846"
	expect(uuid:version(), 1)
	expect(uuid:variant(), "rfc9562")
	expect(uuid:node(), 175285648414790)
	expect(uuid:clock_seq(), 13256)
	expect(uuid:time(), 1645557742)
	expect(tostring(uuid:to_v6()), "1ec9414c-232a-6b00-b3c8-9f6bdeced846")
	expect(uuid:to_v6():to_v1(), uuid)
	expect(uuid:replace({ node = 5, clock_seq = 6 }):node(), 5)
	expect(uuid:replace({ node = 5, clock_seq = 6 }):clock_seq(), 6)
	expect_error("invalid", "16383", uuid.replace, uuid, { clock_seq = 16384 })
	expect_mistake(uuid.replace, uuid, { node = 2 ^ 48 })
	expect_mistake(uuid.replace, uuid, { node = "5" })
	local random = snowid.UUID.parse "919108f7-52d1-4320-9bac-f847db4148a8"
	expect(random:time(), nil)
	expect(random:unix_ms(), nil)
	expect_error("invalid", "", random.node, random)
end

function tests.kinds_of_uuids()
	expect(snowid.UUID.NIL:kind(), "nil")
	expect(snowid.UUID.MAX:kind(), "max")
	expect(tostring(snowid.UUID.NIL), "00000000-0000-0000-0000-000000000000")
	expect(tostring(snowid.ULID.MAX), "7ZZZZZZZZZZZZZZZZZZZZZZZZZ")
	expect(snowid.UUID.parse("00000000-0000-0000-c000-000000000046"):kind(), "microsoft")
	expect(snowid.uuid7():kind(), "uuid7")
	expect(snowid.uuid4():kind(), "uuid4")
	expect(snowid.uuid4() == snowid.uuid4(), false)
	expect(#tostring(snowid.ulid()), 26)
	expect(snowid.UUID.NIL:time(), nil)
end

-- RFC 9562, appendices A.2, A.4 and B.2.
function tests.uuids_of_names_and_of_bytes()
	local dns = snowid.UUID.parse "6ba7b810-9dad-11d1-80b4-00c04fd430c8"
	for _, namespace in ipairs { dns, tostring(dns), "dns" } do
		local id = snowid.uuid3(namespace, "www.example.com")
		expect(tostring(id), "5df41881-3aed-3515-88a7-2f4a814cf09e")
		id = snowid.uuid5(namespace, "www.example.com")
		expect(tostring(id), "2ed6657d-e927-568b-95e1-2665a8aea6a2")
	end
	local bytes = ("5c146b143c52afd938a375d0df1fbfe6"):gsub("..", function(digits)
		return string.char(tonumber(digits, 16))
	end)
	expect(tostring(snowid.uuid8(bytes)), "5c146b14-3c52-8fd9-b8a3-75d0df1fbfe6")
	expect_error("invalid", "x500", snowid.uuid5, "uri", "a")
	expect_error("invalid", "", snowid.uuid5, dns .. "0", "a")
	expect_error("invalid", "16", snowid.uuid8, ("x"):rep(15))
	for _, value in ipairs { 5, true, {} } do
		expect_mistake(snowid.uuid5, value, "a")
		expect_mistake(snowid.uuid5, "dns", value)
		expect_mistake(snowid.uuid8, value)
	end
	expect_mistake(snowid.uuid5, nil, "a")
end

function tests.values_compare_and_sort()
	local a = snowid.ULID.parse "01ARYZ6S41TSV4RRFFQ69G5FAV"
	local b = snowid.ULID.parse "01aryz6s41tsv4rrffq69g5fav"
	local c = snowid.ULID.parse "01ARZ3NDEKTSV4RRFFQ69G5FAV"
	expect(a == b, true)
	expect(a == c, false)
	expect(a < c, true)
	expect(c < a, false)
	expect(a <= b and a >= b, true)
	expect(a == a:to_uuid(), false)
	expect_mistake(function()
		return a < a:to_uuid()
	end)
	expect_mistake(function()
		return a < 5
	end)
	local list = { c, a, b }
	table.sort(list)
	expect(list[3], c)
	for _ = 1, 1000 do
		local x, y = snowid.UUID.new(), snowid.UUID.new()
		expect(x < y, tostring(x) < tostring(y))
	end
end

function tests.new_values_contain_the_current_time()
	for _, class in ipairs { snowid.ULID, snowid.UUID } do
		local before = os.time()
		local sec = class.new():time()
		-- time(2) may lag behind the clock.
		expect(before <= sec and sec <= os.time() + 1, true)
		expect(class.new() == class.new(), false)
	end
end

function tests.text_forms_and_times()
	expect(table.concat(snowid.FORMS, " "), "decimal padded hex base32 base36 base58 base62")
	expect(snowid.format_id(int64 "18446744073709551615", "base62"), "LygHa16AHYF")
	expect(snowid.parse_id("LygHa16AHYF", "base62"), int64 "18446744073709551615")
	expect_error("invalid", "frob", snowid.format_id, 1, "frob")
	expect(snowid.format_time(-0.5), "1969-12-31T23:59:59.500Z")
	expect(snowid.format_time(START_S), "2024-01-03T19:30:00.000Z")
	expect(select(2, snowid.parse_time "2024-01-03T20:30:00.123456789+01:00"), 123456789)
end

function tests.errors()
	local options = { worker = 1, store = "file:/nonexistent/x" }
	local err = expect_error("system", "/nonexistent/x", snowid.generator, options)
	expect(err.code, -2)
	expect(expect_error("invalid", "frob", snowid.layout, "frob").code, snowid.E_UNKNOWN)
	expect(snowid.E_CLOCK, -1008)
end

-- ---- generators --------------------------------------------------------------------------------

function tests.next_contains_time_and_fields()
	local ids, clock = generator_on_manual_clock { worker = 7, datacenter = 3 }
	local parts = ids:layout():decode(ids:next())
	expect(parts.unix_ms, START_S * 1000 + 1000)
	expect(parts.unix_ms, clock:now() * 1000)
	expect(parts.worker, 7)
	expect(parts.datacenter, 3)
	expect(ids:field "worker", 7)
	expect_error("invalid", "frob", ids.field, ids, "frob")
	ids = snowid.generator { kind = "time:41,wait:5,sequence:5", fields = { wait = 3 } }
	expect(ids:field "wait", 3)
	ids = snowid.generator { kind = snowid.layout "instagram", shard = 3 }
	expect(ids:field "shard", 3)
	expect_error("invalid", "worker", snowid.generator, {})
	expect_error("invalid", "frob", snowid.generator, { worker = 1, frob = 1 })
	local options = { worker = 1, timout = "1s" }
	expect_error("invalid", "did you mean timeout?", snowid.generator, options)
	expect_error("invalid", "did you mean worker?", snowid.generator, { wroker = 1 })
	expect_error("invalid", "", snowid.generator, { worker = 1, sequence = 1 })
end

function tests.kinds()
	for _, kind in ipairs { "ulid", "uuid1", "uuid6", "uuid7" } do
		local class = kind == "ulid" and snowid.ULID or snowid.UUID
		local ids = generator_on_manual_clock(kind)
		local made = { ids:next(), ids:next(1), (ids:try_next()), (ids:ids()(ids)) }
		made[5] = ids:batch(2)[2]
		expect(#made, 5)
		for _, id in ipairs(made) do
			expect(getmetatable(id), getmetatable(class.new()))
		end
		expect(ids:layout(), nil)
		expect(ids:kind(), kind)
	end
	local id = generator_on_manual_clock({ kind = "uuid6", node = 5, clock_seq = 6 }):next()
	expect(id:node(), 5)
	expect(id:clock_seq(), 6)
end

function tests.iteration()
	local ids = generator_on_manual_clock()
	local made = {}
	for id in ids:ids() do
		made[#made + 1] = id
		if #made == 100 then
			break
		end
	end
	expect_increasing(made)
	expect(ids:stats().issued, 100)
end

function tests.iterators_draw_ids_only_on_demand()
	local ids, clock = generator_on_manual_clock()
	local walk, state = ids:ids()
	walk(state)
	clock:advance(0.1)
	expect(ids:layout():time_ms(walk(state)), START_S * 1000 + 1100)
	expect(ids:stats().issued, 2)
end

function tests.a_batch()
	local ids = generator_on_manual_clock()
	local made = ids:batch(10000)
	expect(#made, 10000)
	expect_increasing(made)
	expect(#ids:batch(0), 0)
	expect(pcall(ids.batch, ids, int64 "9007199254740993"), false)
	local small = generator_on_manual_clock { kind = SMALL, timeout = 0 }
	local err = expect_error("exhausted", "spent", small.batch, small, 6)
	expect(#err.partial, 4)
	expect_increasing(small:batch(6, 1))
end

function tests.timeouts()
	local ids = generator_on_manual_clock { kind = SMALL, timeout = 0.5 }
	expect(ids:setting "timeout", "500ms")
	expect(ids:timeout(), 0.5)
	for _ = 1, 4 do
		ids:next(0)
	end
	expect_error("exhausted", "spent", ids.next, ids, 0)
	expect_error("exhausted", "spent", ids.next, ids, 0.0005)
	ids:next()
	local options = { kind = SMALL, wait = "1h", hold = "1h", timeout = 1 }
	local far, clock = generator_on_manual_clock(options)
	far:next()
	clock:step(-1800)
	local before = clock:elapsed_ns()
	expect_error("clock", "1799000.0000 ms", far.next, far)
	expect(clock:elapsed_ns() - before, 1000000000)
end

function tests.try_next()
	local ids, clock = generator_on_manual_clock(SMALL)
	for _ = 1, 4 do
		expect(ids:try_next() ~= nil, true)
	end
	local id, seconds = ids:try_next()
	expect(id, nil)
	expect(math.abs(seconds - 0.001) < 1e-9, true)
	clock:advance(0.001)
	expect(ids:try_next() ~= nil, true)
	clock:step(-3600)
	expect_error("clock", "3600000.0000 ms", ids.try_next, ids)
end

function tests.wait_and_hold_when_the_clock_steps_back()
	local ids, clock = generator_on_manual_clock { hold = "2s", wait = 0.01 }
	ids:next()
	clock:step(-1.5)
	ids:next()
	clock:step(-1)
	expect_error("clock", "2500.0000 ms", ids.next, ids)
	local stats = ids:stats()
	expect(stats.regressions, 1)
	expect(stats.refused, 1)
	expect(stats.max_lag_ns, 2500000000)
	expect(stats.removals, 0)
	expect(stats.left_ns, math.huge)
	expect(stats.lease, nil)
	expect(stats.losses, 0)
	expect(stats.workers_free, nil)
	clock:set(START_S + 3)
	expect(clock:now(), START_S + 3)
	ids:next()
end

function tests.available_and_maintain()
	local ids = generator_on_manual_clock(SMALL)
	expect(ids:available(), 4)
	ids:batch(3)
	expect(ids:available(), 1)
	expect(ids:maintain(), math.huge)
end

function tests.close()
	local ids = generator_on_manual_clock()
	ids:close()
	ids:close(0)
	for _, call in ipairs { ids.next, ids.try_next, ids.available, (ids:ids()) } do
		expect_error("closed", "closed", call, ids)
	end
	expect_error("closed", "closed", ids.batch, ids, 1)
	expect(ids:stats().issued, 0)
	if _VERSION >= "Lua 5.4" then
		local kept = load [[
			local ids = ...
			local closing <close> = ids
			closing:next()
			return ids
		]](generator_on_manual_clock())
		expect_error("closed", "closed", kept.next, kept)
	end
end

function tests.a_state_file()
	local path = ("%s/lua-state.%s"):format(os.getenv "PWD", tostring({}):match "0x(%x+)")
	local options = { worker = 1, store = "file:" .. path }
	options.reserve, options.max_jump, options.mode = "20ms", 7200, "0640"
	local ids = snowid.generator(options)
	expect(ids:setting "max_jump", "2h")
	expect(ids:setting "mode", "0640")
	local first = ids:batch(100)[100]
	ids:close()
	local again = snowid.generator(options)
	expect(first < again:next(), true)
	expect(again:maintain() < 1, true)
	options = { kind = "twitter", worker = 1, store = "file:" .. path }
	expect_error("store", "kind", snowid.generator, options)
	expect_error("invalid", "mode", snowid.generator, { worker = 1, mode = "0777" })
	os.remove(path)
end

function tests.removals_of_the_file_of_host_are_counted()
	local path = ("%s/lua-host.%s"):format(os.getenv "PWD", tostring({}):match "0x(%x+)")
	os.execute(("mkdir -m 700 '%s'"):format(path))
	local ids, clock = generator_on_manual_clock { store = "host:" .. path }
	local first = ids:next()
	expect(ids:stats().removals, 0)
	os.execute(("rm '%s'/*"):format(path))
	clock:advance(1)
	expect(first < ids:next(), true)
	expect(ids:stats().removals, 1)
	os.execute(("rm -r '%s'"):format(path))
end

function tests.opening_can_be_bounded()
	local path = ("%s/lua-open.%s"):format(os.getenv "PWD", tostring({}):match "0x(%x+)")
	local options = { worker = 1, store = "file:" .. path, reserve = "1h", open_timeout = 0.01 }
	expect_error("clock", "behind", snowid.generator, options)
	options.open_timeout = -1
	expect(pcall(snowid.generator, options), false)
	os.remove(path)
end

function tests.collecting_a_generator_frees_its_worker()
	local path = ("%s/lua-slots.%s"):format(os.getenv "PWD", tostring({}):match "0x(%x+)")
	local options = { store = "slots:" .. path .. "?workers=3-3", reserve = "10ms" }
	local ids = snowid.generator(options)
	expect(ids:field "worker", 3)
	expect_error("store", "3", snowid.generator, options)
	ids = nil -- luacheck: ignore
	collectgarbage()
	collectgarbage()
	snowid.generator(options):close()
	os.execute(("rm -r '%s'"):format(path))
end

-- ---- processes and garbage ---------------------------------------------------------------------

-- Runs `call` in several children. Returns the IDs of all lists that it returned, as text.
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
		expect(processes.wait(), 0)
	end
	return texts
end

local function expect_unique(count, ...)
	local seen, found = {}, 0
	for _, list in ipairs { ... } do
		for _, id in ipairs(list) do
			local text = tostring(id)
			expect(seen[text], nil)
			seen[text] = true
			found = found + 1
		end
	end
	expect(found, count)
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
		expect_unique(25000, children, ids:batch(5000))
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
	expect_unique(1200, before, children, take())
end

function tests.children_share_no_random_values()
	local function take()
		local made = {}
		for _ = 1, 1000 do
			made[#made + 1] = snowid.ULID.new()
			made[#made + 1] = snowid.UUID.new()
		end
		return made
	end
	take()
	expect_unique(8000, in_children(4, take))
end

-- Makes garbage that runs `call` when it is collected.
local function call_when_collected(call)
	if jit then
		getmetatable(newproxy(true)).__gc = call
	else
		setmetatable({}, { __gc = call })
	end
end

-- Every allocation can run a finalizer, including those of this library's own calls.
function tests.finalizers_can_draw_ids()
	local function append(list, more)
		for _, id in ipairs(more) do
			list[#list + 1] = id
		end
	end
	local pause = collectgarbage("setpause", 1) -- start the next cycle at once
	for _, kind in ipairs { WIDE, "ulid" } do
		local ids = snowid.generator { kind = kind, worker = kind == WIDE and 1 or nil }
		local made, late = {}, {}
		for _ = 1, 2000 do
			call_when_collected(function()
				append(late, { ids:next(), (ids:try_next()) })
				append(late, ids:batch(3))
			end)
			append(made, { ids:next(), (ids:try_next()), ids:next(1) })
			append(made, ids:batch(5))
		end
		collectgarbage()
		collectgarbage()
		expect(#late > 0, true)
		expect_unique(#made + #late, made, late)
	end
	collectgarbage("setpause", pause)
end

-- A hook after each instruction stands for a finalizer, which LuaJIT may also run where it leaves
-- compiled code.
function tests.calls_can_be_interrupted_by_other_calls()
	local ids = snowid.generator { kind = WIDE, worker = 1, store = "memory:" }
	local ulids, layout = snowid.generator "ulid", snowid.layout "twitter"
	local made, late = {}, {}
	local function interrupt()
		local others = { ids:next(), (ids:try_next()), ids:next(1), ids:batch(1)[1] }
		for _, id in ipairs { others[1], others[2], others[3], others[4], ulids:next() } do
			late[#late + 1] = id
		end
		snowid.format_id(layout:first_at "2020-01-01")
		layout:time(layout:field(7, "worker"))
		snowid.ULID.new():unix_ms()
	end
	if jit then
		jit.off() -- compiled code calls no hooks
	end
	debug.sethook(interrupt, "", 1)
	local ok, err = pcall(function()
		for _ = 1, 5 do
			local drawn = { ids:next(), (ids:try_next()), ids:next(1), ulids:next() }
			for _, id in ipairs(drawn) do
				made[#made + 1] = id
			end
			for _, id in ipairs(ids:batch(2)) do
				made[#made + 1] = id
			end
		end
		expect(snowid.format_id(layout:first_at(START)), "1742629399557046272")
		local time = snowid.format_time(layout:time "1742629399557046272")
		expect(time, "2024-01-03T19:30:00.000Z")
		expect(layout:decode("1541815603606036480").datacenter, 11)
		local ulid = "01ARYZ6S41TSV4RRFFQ69G5FAV"
		expect(tostring(snowid.ULID.parse(ulid)), ulid)
		expect(snowid.layout("js53"):bits(), 53)
		expect(ulids:setting "timeout", "2s")
	end)
	debug.sethook()
	if jit then
		jit.on()
	end
	expect(err, nil)
	expect(ok, true)
	expect_unique(30 + #late, made, late)
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
	expect_increasing(made)
end

-- Each Lua state has its own objects and metatables, and frees them when it is closed.
tests.several_states = processes.in_another_state and function()
	local made = {}
	for index = 1, 3 do
		made[index] = processes.in_another_state [[
			local snowid = require "snowid"
			ids, clock = snowid.generator "ulid", snowid.manual_clock(0)
			layout, ulid = snowid.layout "twitter", snowid.ULID.new()
			return tostring(ids:next())
		]]
		expect(#made[index], 26)
	end
	expect_unique(3, made)
end

local function resident_bytes()
	local file = assert(io.open "/proc/self/statm")
	local pages = file:read("*l"):match "^%d+ (%d+)"
	file:close()
	return pages * 4096
end

local function make_garbage(count)
	for _ = 1, count do
		snowid.generator({ worker = 1 }):try_next()
		snowid.manual_clock(0)
		for _ = 1, 3 do
			snowid.layout "twitter"
		end
		for _ = 1, 44 do
			snowid.ULID.new():to_uuid()
		end
		snowid.mask(("k"):rep(16)):apply(1)
		pcall(snowid.layout, "frob")
	end
	collectgarbage()
	collectgarbage()
end

local function growth_of_memory()
	local before = resident_bytes()
	make_garbage(20000)
	return resident_bytes() - before
end

-- A million objects each time. If a hundredth of them leaked, memory would grow each time by much
-- more than this; what else it grows by, such as the allocator's own lists, ends.
function tests.garbage_is_collected()
	make_garbage(1000)
	local least = math.huge
	for _ = 1, 5 do
		least = math.min(least, growth_of_memory())
		if least < 2 ^ 23 then
			return
		end
	end
	expect(least < 2 ^ 23, true)
end

local function more_generators_than_memory_mappings()
	local ballast = {} -- so that the collector sees no reason to run
	for index = 1, 200000 do
		ballast[index] = { index }
	end
	for _ = 1, 70000 do
		snowid.generator { worker = 1 }
	end
	expect(#ballast, 200000)
end

-- AddressSanitizer aborts when it cannot get a mapping itself.
if not (os.getenv "SANITIZERS" or ""):find "address" then
	tests.more_generators_than_memory_mappings = more_generators_than_memory_mappings
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
